// Lines and base64 of minisign's files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/base64.hpp"
#include "core/base/text.hpp"

namespace skep::trust {

/// Exactly `size` bytes out of strict, padded base64; nothing otherwise.
inline std::optional<std::vector<unsigned char>> from_base64(std::string_view text,
                                                             std::size_t size) {
  const auto bytes = base64_decode(text);
  if (!bytes || bytes->size() != size) return std::nullopt;
  return std::vector<unsigned char>(bytes->begin(), bytes->end());
}

inline std::string to_base64(const unsigned char* bytes, std::size_t size) {
  return base64_encode({reinterpret_cast<const char*>(bytes), size});
}

/// The lines without their ends; the empty one after a last newline is left out.
inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out = split(text, '\n');
  if (out.back().empty()) out.pop_back();
  for (std::string& line : out)
    if (line.ends_with('\r')) line.pop_back();
  return out;
}

}  // namespace skep::trust
