#include "core/base/duration.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/base/text.hpp"

namespace skep {

std::optional<double> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
      {{"", 1}, {"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}}};
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (read.ec != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view unit(read.ptr, static_cast<std::size_t>(end - read.ptr));
  for (const auto& [name, seconds] : kUnits)
    if (unit == name) return number * seconds;
  return std::nullopt;
}

std::optional<double> parse_duration_with_unit(std::string_view text) {
  const bool has_unit = !text.empty() && text.back() >= 'a' && text.back() <= 'z';
  return has_unit ? parse_duration(text) : std::nullopt;
}

std::chrono::milliseconds parse_retry_after(std::string_view text) {
  constexpr std::int64_t kLongest = 3'600;
  return std::chrono::seconds(std::clamp<std::int64_t>(to_int(text).value_or(0), 0, kLongest));
}

}  // namespace skep
