#include "core/api/members.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "core/base/text.hpp"

namespace skep::api {
namespace {

/// Null when the member is missing or null.
const json::value* given(const json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v == nullptr || v->is_null() ? nullptr : v;
}

std::string range(std::int64_t low, std::int64_t high) {
  return " from " + std::to_string(low) + " to " + std::to_string(high);
}

}  // namespace

Result<json::object> parse_object(std::string_view text, std::string_view what) {
  if (text.empty()) return invalid(std::string(what) + ": the body is empty; send one JSON object");
  auto parsed = parse_json(text);
  if (!parsed) return parsed.error().within(what);
  if (!parsed->is_object()) return invalid(std::string(what) + ": expected a JSON object");
  return std::move(parsed->get_object());
}

Status only_known(const json::object& o, std::string_view what,
                  std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : o) {
    const std::string_view name(key);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    return invalid(std::string(what) + ": unknown field \"" + std::string(name) + "\"; " +
                   suggestion(name, names))
        .named("unknown-field");
  }
  return {};
}

Status need_string(const json::object& o, std::string_view what, std::string_view key) {
  const auto* v = o.if_contains(key);
  if (v != nullptr && v->is_string() && !v->get_string().empty()) return {};
  return invalid(std::string(what) + ": \"" + std::string(key) +
                 (v == nullptr ? "\" is missing" : "\" must be a non-empty string"));
}

Error wrong_member(std::string_view what, std::string_view key, std::string_view expected) {
  return invalid(std::string(what) + ": \"" + std::string(key) + "\" must be " +
                 std::string(expected));
}

Status read_bool(const json::object& o, std::string_view what, std::string_view key, bool& out) {
  const auto* v = given(o, key);
  if (v == nullptr) return {};
  if (!v->is_bool()) return wrong_member(what, key, "true or false");
  out = v->get_bool();
  return {};
}

Status read_string(const json::object& o, std::string_view what, std::string_view key,
                   std::string& out) {
  const auto* v = given(o, key);
  if (v == nullptr) return {};
  if (!v->is_string()) return wrong_member(what, key, "a string");
  out = std::string(v->get_string());
  return {};
}

Status read_strings(const json::object& o, std::string_view what, std::string_view key,
                    std::vector<std::string>& out) {
  const auto* v = given(o, key);
  if (v == nullptr) return {};
  const Error wrong = wrong_member(what, key, "an array of strings");
  if (!v->is_array()) return wrong;
  std::vector<std::string> words;
  for (const auto& word : v->get_array()) {
    if (!word.is_string()) return wrong;
    words.emplace_back(word.get_string());
  }
  out = std::move(words);
  return {};
}

Status read_int(const json::object& o, std::string_view what, std::string_view key,
                std::int64_t low, std::int64_t high, std::int64_t& out) {
  const auto* v = given(o, key);
  if (v == nullptr) return {};
  boost::system::error_code ec;
  const auto n = v->is_number() ? v->to_number<std::int64_t>(ec) : low;
  if (!v->is_number() || ec || n < low || n > high)
    return wrong_member(what, key, "an integer" + range(low, high));
  out = n;
  return {};
}

Status read_number(const json::object& o, std::string_view what, std::string_view key,
                   std::int64_t low, std::int64_t high, double& out) {
  const auto* v = given(o, key);
  if (v == nullptr) return {};
  const double n = v->is_number() ? v->to_number<double>() : 0;
  if (!v->is_number() || n < static_cast<double>(low) || n > static_cast<double>(high))
    return wrong_member(what, key, "a number" + range(low, high));
  out = n;
  return {};
}

}  // namespace skep::api
