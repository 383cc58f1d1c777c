// Lengths of time as people write them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace skep {

/// What kDurationForms says, for messages and help.
inline constexpr std::string_view kDurationForms = "a number of seconds, or 250ms, 30s, 5m, 2h, 7d";

/// "90", "90s", "1.5h", "250ms" or "7d" in seconds; nothing for other text and below zero. [any]
std::optional<double> parse_duration(std::string_view text);
/// The same, and nothing for a bare number: where numbers are written as such, or a unit is a must.
/// [any]
std::optional<double> parse_duration_with_unit(std::string_view text);
/// What the value of a Retry-After header asks for, at most an hour; 0 for text that is no whole
/// number of seconds, a date among it. [any]
std::chrono::milliseconds parse_retry_after(std::string_view text);

}  // namespace skep
