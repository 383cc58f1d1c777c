#include "core/base/visible.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/utf8.hpp"

namespace skep {
namespace {

/// Of a whole character; those of four bytes are all harmless and count as one.
unsigned code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0);
  if (character.size() == 2) return (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
  if (character.size() == 3)
    return (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  return 0x10000;
}

bool is_control(unsigned c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

bool turns_writing(unsigned c) {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

/// "\x1b" or "\u202e"; "" for a character that a terminal only shows.
std::string spelled(unsigned c) {
  if (turns_writing(c)) return fmt::format("\\u{:04x}", c);
  return is_control(c) ? fmt::format("\\x{:02x}", c) : std::string();
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(n, 1));
    text.remove_prefix(character.size());
    const char first = character.front();
    if (n == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(first));
    else if (first == '\r')
      out += text.starts_with('\n') ? "" : "\n";
    else if (const std::string code = spelled(code_point(character));
             code.empty() || first == '\n' || first == '\t')
      out += character;
    else
      out += code;
  }
  return out;
}

std::string visible_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const std::size_t n = std::max<std::size_t>(utf8_length(json), 1);
    const unsigned c = code_point(json.substr(0, n));
    if (c >= 0x7f && (is_control(c) || turns_writing(c)))
      out += fmt::format("\\u{:04x}", c);
    else
      out += json.substr(0, n);
    json.remove_prefix(n);
  }
  return out;
}

}  // namespace skep
