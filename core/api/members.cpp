#include "core/api/members.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/text.hpp"

namespace skep::api {

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

}  // namespace skep::api
