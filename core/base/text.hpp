// Small text helpers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skep {

/// The candidate closest to `word` (edit distance at most a third of its length, at least 1 and at
/// most 3), or "" when none is close. For "did you mean".
std::string nearest(std::string_view word, std::span<const std::string> candidates);
std::vector<std::string> split(std::string_view s, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
/// "did you mean \"x\"?" or "known: a, b, c" (at most 12 shown).
std::string suggestion(std::string_view word, std::span<const std::string> candidates);
/// One line a row, each starting with a newline and two blanks; all columns but the last are padded
/// to their widest cell. The rows have equally many cells.
std::string aligned(std::span<const std::vector<std::string>> rows);
/// Without blanks, tabs and ends of lines at both ends.
std::string_view trim(std::string_view s);
/// ASCII letters in lower case, whatever the locale.
std::string to_lower(std::string_view s);
/// Whole text as an integer, or nothing.
std::optional<std::int64_t> to_int(std::string_view s);
/// load_file(), or nothing: it cannot be read, is no regular file or is larger than `cap` bytes.
std::optional<std::string> read_file(const std::string& path, std::size_t cap = 16u << 20);

}  // namespace skep
