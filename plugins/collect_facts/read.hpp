// Reading what the kernel and /etc say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skep/json.hpp"

namespace skep::facts {

/// The whole file, at most 64 MiB; "" when it cannot be read: a fact that is not there is left out.
std::string slurp(const std::string& path);
/// The file without white space around it.
std::string line_of(const std::string& path);
/// How often a text without overlaps stands in a file, whose first line counts as one behind an end
/// of line; nothing when the file is empty or cannot be read. One block is in memory at a time, and
/// a file that did not change since is not read again: what is installed may be much. [any]
std::optional<std::int64_t> count_in_file(const std::string& path, std::string_view text);
/// The file's first number.
std::optional<std::int64_t> number_of(const std::string& path);
bool exists(const std::string& path);
std::string link_target(const std::string& path);
/// Names in a folder, sorted, without "." and "..".
std::vector<std::string> names_in(const std::string& folder);

std::string_view trim(std::string_view s);
std::vector<std::string_view> lines(std::string_view text);
/// Words between spaces and tabs.
std::vector<std::string_view> words(std::string_view text);
/// What stands between separators, also when it is nothing.
std::vector<std::string_view> fields(std::string_view text, char separator);
/// "key<separator>value" lines, both trimmed, in order.
std::vector<std::pair<std::string_view, std::string_view>> pairs(std::string_view text,
                                                                 char separator);
std::optional<std::int64_t> integer(std::string_view s, int base = 10);
std::optional<double> real(std::string_view s);
/// 2026-01-10T12:34:56Z
std::string iso_time(std::int64_t unix_seconds);

// Setters that leave out what is not known.
void put(Json& to, const char* key, std::string_view text);
void put(Json& to, const char* key, std::optional<std::int64_t> value);
void put(Json& to, const char* key, std::optional<double> value);

}  // namespace skep::facts
