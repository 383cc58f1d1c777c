#include "core/cli/base/params.hpp"

#include <sys/stat.h>

#include <boost/json.hpp>
#include <set>

#include "core/base/text.hpp"
#include "core/base/utf8.hpp"
#include "core/cli/base/argument_file.hpp"
#include "core/cli/base/console.hpp"

namespace skep::cli {
namespace {

constexpr off_t kLargestText = 1 << 20;

/// Whether it goes as bytes of its own: it is large, or no text.
bool is_for_upload(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return false;
  if (s.st_size > kLargestText) return true;
  const auto bytes = read_file(path);
  return bytes && !is_utf8(*bytes);
}

Result<json::value> value_of(const std::string& key, const std::string& text,
                             const WantsText& wants_text, const Upload& upload) {
  if (text.starts_with('@')) {
    if (upload && is_for_upload(text.substr(1)) && !(wants_text && wants_text(key)))
      return upload(text.substr(1));
    auto bytes = read_argument_file(text.substr(1));
    if (!bytes)
      return usage_error("-p " + key + ": " + bytes.error().message,
                         "for the text itself: -p '" + key + "=\"" + text + "\"'");
    return json::value(*bytes);
  }
  auto parsed = parse_json(text);
  if (!parsed || (!parsed->is_string() && wants_text && wants_text(key))) return json::value(text);
  return std::move(*parsed);
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

/// Null when `v` is null or no object.
const json::value* member(const json::value* v, std::string_view key) {
  const json::object* o = v == nullptr ? nullptr : v->if_object();
  return o == nullptr ? nullptr : o->if_contains(key);
}

}  // namespace

bool schema_wants_text(const json::value& params_schema, const std::string& key) {
  const json::value* at = &params_schema;
  for (const std::string& part : split(key, '.')) {
    const json::value* properties = member(at, "properties");
    const json::value* next = member(properties, part);
    at = next != nullptr ? next : member(at, "additionalProperties");
  }
  const json::value* type = member(at, "type");
  return type != nullptr && type->is_string() && type->get_string() == "string";
}

Result<json::object> build_params(const std::string& base, const std::vector<std::string>& pairs,
                                  const WantsText& wants_text, const Upload& upload) {
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
    auto value = value_of(key, pair.substr(equals + 1), wants_text, upload);
    if (!value) return value.error();
    SKEP_TRY(put(*root, key, std::move(*value)));
  }
  return std::move(*root);
}

}  // namespace skep::cli
