// Text that a plugin hands over is UTF-8: how to cut it.
#ifndef SKEP_TEXT_HPP
#define SKEP_TEXT_HPP

#include <cstddef>
#include <string_view>

namespace skep {

/// The beginning of `s`, at most `max_bytes`, cut between two characters.
inline std::string_view clip_text(std::string_view s, std::size_t max_bytes) noexcept {
  if (s.size() <= max_bytes) return s;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; };
  std::size_t end = max_bytes;
  while (end > 0 && max_bytes - end < 4 && continues(s[end])) --end;
  return s.substr(0, max_bytes - end < 4 ? end : max_bytes);
}

}  // namespace skep

#endif
