// Values as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"

namespace skep::cli {

/// 840ms, 4.2s, 41s, 6m, 3h, 12d.
std::string human_duration(std::int64_t ms);
/// The time from an ISO 8601 stamp to `now`, "4s" or "in 4s"; "-" when there is none.
std::string human_age(std::string_view iso, WallMs now);
/// "-" for an empty text.
std::string or_dash(std::string text);
/// 512 B, 4.0 KiB, 15.6 GiB.
std::string human_bytes(std::int64_t bytes);
/// Columns that a UTF-8 text takes on a terminal, one a code point.
std::size_t display_width(std::string_view text);
/// The text without control characters, so that no task can rewrite the terminal; newlines and
/// tabs stay when `multiline`.
std::string printable(std::string_view text, bool multiline = false);
/// Broken between words so that a line has at most `width` columns, its first `indent` of them
/// blank; the first line begins behind as many that are written already. 0 = not broken.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);
/// The same of a sentence behind `column` columns: as it is where it fits, else on lines of its own
/// below.
std::string wrapped_below(std::string_view text, std::size_t width, std::size_t column);
/// At most `width` columns, with an ellipsis for the rest.
std::string shortened(std::string_view text, std::size_t width);
/// Each line with `indent` in front; ends with a newline unless empty.
std::string indented(std::string_view text, std::string_view indent);

}  // namespace skep::cli
