#include "item_name.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace spool {
namespace {

constexpr Micros kSecond = 1'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The digits of text[from, from+n) as a number, or -1.
int digits(std::string_view text, std::size_t from, std::size_t n) {
  int value = 0;
  for (const char c : text.substr(from, n)) {
    if (!is_digit(c)) return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<Micros> parse_utc(std::string_view s) {
  constexpr std::string_view kShape = "00000000T000000.000000Z";
  if (s.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < s.size(); ++i)
    if (kShape[i] == '0' ? !is_digit(s[i]) : s[i] != kShape[i]) return std::nullopt;
  std::tm parts{};
  parts.tm_year = digits(s, 0, 4) - 1900;
  parts.tm_mon = digits(s, 4, 2) - 1;
  parts.tm_mday = digits(s, 6, 2);
  parts.tm_hour = digits(s, 9, 2);
  parts.tm_min = digits(s, 11, 2);
  parts.tm_sec = digits(s, 13, 2);
  if (parts.tm_mon < 0 || parts.tm_mon > 11 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
      parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
    return std::nullopt;
  return static_cast<Micros>(timegm(&parts)) * kSecond + digits(s, 16, 6);
}

std::optional<Micros> parse_epoch(std::string_view s) {
  Micros value = 0;
  const auto end = s.data() + s.size();
  if (std::from_chars(s.data(), end, value).ptr != end || value < 0) return std::nullopt;
  if (s.size() == 10) return value * kSecond;
  if (s.size() == 13) return value * 1000;
  return std::nullopt;
}

}  // namespace

std::string format_time(Micros time) {
  const std::time_t seconds = static_cast<std::time_t>(time / kSecond);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> out{};
  std::size_t n = std::strftime(out.data(), out.size(), "%Y%m%dT%H%M%S.", &parts);
  std::string text(out.data(), n);
  const std::string fraction = std::to_string(kSecond + time % kSecond);
  return text + fraction.substr(1) + "Z";
}

std::string format_name(std::string_view payload_type, Micros time, std::string_view task_id) {
  std::string name(payload_type);
  name += '-';
  name += format_time(time);
  name += '-';
  name += task_id;
  return name + ".json";
}

std::optional<ItemName> parse_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".json";
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  const std::size_t first = name.find('-');
  const std::size_t second = first == name.npos ? first : name.find('-', first + 1);
  if (second == name.npos) return std::nullopt;
  const std::string_view time = name.substr(first + 1, second - first - 1);
  ItemName out{std::string(name.substr(0, first)), std::string(name.substr(second + 1)),
               parse_utc(time)};
  if (!is_payload_type(out.payload_type) || !is_task_id(out.task_id)) return std::nullopt;
  if (!out.time) out.time = parse_epoch(time);
  return out;
}

bool is_payload_type(std::string_view word) {
  return word == "facts" || word == "logs" || word == "execution_result" || word == "health";
}

bool is_task_id(std::string_view word) {
  const auto allowed = [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; };
  return !word.empty() && word.size() <= 128 && is_alnum(word[0]) &&
         std::all_of(word.begin(), word.end(), allowed);
}

Micros wall_now() {
  std::timespec ts{};
  std::timespec_get(&ts, TIME_UTC);
  return static_cast<Micros>(ts.tv_sec) * kSecond + ts.tv_nsec / 1000;
}

}  // namespace spool
