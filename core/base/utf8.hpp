// UTF-8: what is text, how it is mended and how it is cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace skep {

/// Bytes of the character that `s` begins with; 0 when it begins with none (RFC 3629: no surrogate,
/// nothing longer than needed, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view s);
bool is_utf8(std::string_view s);
/// `s` with U+FFFD in place of every byte that belongs to no character.
std::string to_utf8(std::string_view s);
/// The beginning of `s`, at most `max_bytes`, cut between two characters.
std::string_view clip_utf8(std::string_view s, std::size_t max_bytes);

}  // namespace skep
