#include "core/base/utf8.hpp"

#include <algorithm>

namespace skep {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

std::size_t expected_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

/// The second byte rules out what is longer than needed, surrogates and what is above U+10FFFF.
bool is_second(unsigned char first, unsigned char second) {
  return !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f) &&
         !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second > 0x8f);
}

}  // namespace

std::size_t utf8_length(std::string_view s) {
  if (s.empty()) return 0;
  const auto first = static_cast<unsigned char>(s.front());
  const std::size_t n = expected_length(first);
  if (n <= 1) return n;
  if (n > s.size() || !is_second(first, static_cast<unsigned char>(s[1]))) return 0;
  return std::all_of(s.begin() + 1, s.begin() + static_cast<std::ptrdiff_t>(n), continues) ? n : 0;
}

bool is_utf8(std::string_view s) {
  while (!s.empty()) {
    const std::size_t n = utf8_length(s);
    if (n == 0) return false;
    s.remove_prefix(n);
  }
  return true;
}

std::string to_utf8(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  while (!s.empty()) {
    const std::size_t n = utf8_length(s);
    out += n == 0 ? std::string_view("\xef\xbf\xbd") : s.substr(0, n);
    s.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

std::string_view clip_utf8(std::string_view s, std::size_t max_bytes) {
  if (s.size() <= max_bytes) return s;
  std::size_t end = max_bytes;
  // No character has more than three bytes after its first: anything longer is no text.
  while (end > 0 && max_bytes - end < 4 && continues(s[end])) --end;
  return s.substr(0, max_bytes - end < 4 ? end : max_bytes);
}

}  // namespace skep
