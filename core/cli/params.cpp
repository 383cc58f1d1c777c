#include "core/cli/params.hpp"

#include <boost/json.hpp>
#include <set>

#include "core/base/text.hpp"
#include "core/cli/console.hpp"

namespace skep::cli {
namespace {

Result<json::value> value_of(const std::string& key, const std::string& text) {
  if (text.starts_with('@')) {
    auto bytes = read_file(text.substr(1));
    if (!bytes)
      return usage_error("-p " + key + ": file \"" + text.substr(1) + "\" cannot be read",
                         "for the text itself: -p '" + key + "=\"" + text + "\"'");
    return json::value(*bytes);
  }
  auto parsed = parse_json(text);
  return parsed ? std::move(*parsed) : json::value(text);
}

Status put(json::object& root, const std::string& key, json::value value) {
  json::object* at = &root;
  const std::vector<std::string> parts = split(key, '.');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    json::value& next = at->emplace(parts[i], json::object()).first->value();
    if (!next.is_object())
      return usage_error("-p " + key + ": \"" + parts[i] +
                         "\" already has a value that is no object");
    at = &next.get_object();
  }
  json::value& slot = (*at)[parts.back()];
  if (slot.is_object() && !value.is_object() && !slot.get_object().empty())
    return usage_error("-p " + key + ": \"" + parts.back() + "\" already has members");
  slot = std::move(value);
  return {};
}

Result<json::object> parse_base(const std::string& base) {
  if (base.empty()) return json::object();
  auto parsed = parse_json(base);
  if (!parsed) return usage_error("--params: " + parsed.error().message);
  if (!parsed->is_object())
    return usage_error("--params is not a JSON object", "--params '{\"script\":\"uptime\"}'");
  return std::move(parsed->get_object());
}

}  // namespace

Result<json::object> build_params(const std::string& base, const std::vector<std::string>& pairs) {
  auto root = parse_base(base);
  if (!root) return root.error();
  std::set<std::string> seen;
  for (const std::string& pair : pairs) {
    const std::size_t equals = pair.find('=');
    const std::string key = pair.substr(0, equals);
    const bool bad_key = key.empty() || key.starts_with('.') || key.ends_with('.') ||
                         key.find("..") != std::string::npos;
    if (equals == std::string::npos || bad_key)
      return usage_error("-p \"" + pair + "\" is not KEY=VALUE", "-p script='uptime'");
    if (!seen.insert(key).second) return usage_error("-p " + key + " is given twice");
    auto value = value_of(key, pair.substr(equals + 1));
    if (!value) return value.error();
    SKEP_TRY(put(*root, key, std::move(*value)));
  }
  return std::move(*root);
}

}  // namespace skep::cli
