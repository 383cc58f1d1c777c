#include "core/trust/version.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/text.hpp"

namespace skep::trust {
namespace {

bool is_number(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int sign(int comparison) { return comparison < 0 ? -1 : (comparison > 0 ? 1 : 0); }

/// Numbers of any length, without converting them.
int compare_numbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return sign(a.compare(b));
}

int compare_part(std::string_view a, std::string_view b) {
  const bool numbers[] = {is_number(a), is_number(b)};
  if (numbers[0] && numbers[1]) return compare_numbers(a, b);
  if (numbers[0] != numbers[1]) return numbers[0] ? -1 : 1;
  return sign(a.compare(b));
}

int compare_dotted(std::string_view a, std::string_view b) {
  const auto left = split(a, '.');
  const auto right = split(b, '.');
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
    if (const int c = compare_part(left[i], right[i]); c != 0) return c;
  return left.size() == right.size() ? 0 : (left.size() < right.size() ? -1 : 1);
}

std::string_view without_build(std::string_view v) { return v.substr(0, v.find('+')); }
std::string_view release_of(std::string_view v) { return v.substr(0, v.find('-')); }

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  a = without_build(a);
  b = without_build(b);
  const auto core_a = release_of(a);
  const auto core_b = release_of(b);
  if (const int c = compare_dotted(core_a, core_b); c != 0) return c;
  const bool pre_a = core_a.size() < a.size();
  const bool pre_b = core_b.size() < b.size();
  if (!pre_a || !pre_b) return pre_a == pre_b ? 0 : (pre_a ? -1 : 1);
  return compare_dotted(a.substr(core_a.size() + 1), b.substr(core_b.size() + 1));
}

bool is_version(std::string_view text) {
  const auto core = text.substr(0, text.find_first_of("-+"));
  const auto parts = split(core, '.');
  if (text.size() > 64 || parts.size() != 3 ||
      !std::all_of(parts.begin(), parts.end(), [](const auto& p) { return is_number(p); }))
    return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c < 128 && (std::isalnum(c) != 0 || c == '.' || c == '-' || c == '+');
  });
}

}  // namespace skep::trust
