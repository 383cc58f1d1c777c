#include "core/plugin/scripts/policy.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/api/schema.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"

namespace skep::plugin {
namespace {

constexpr std::string_view kRuleSchema = R"({
  "type": "object",
  "properties": {
    "enabled": { "type": "boolean" },
    "allow": { "type": "array", "items": { "type": "string" } },
    "timeout_seconds": { "type": "number", "minimum": 0.001, "maximum": 604800 },
    "max_concurrency": { "type": "integer", "minimum": 0, "maximum": 1024 }
  }
})";

Status check_permissions(const std::vector<std::string>& words, const std::string& where) {
  for (const std::string& word : words)
    if (const auto& known = script_permissions();
        std::find(known.begin(), known.end(), word) == known.end())
      return config_error(where + " has the unknown permission \"" + word + "\"; " +
                          suggestion(word, known));
  return {};
}

std::vector<std::string> texts(const json::value& list) {
  std::vector<std::string> out;
  for (const json::value& item : list.get_array()) out.emplace_back(item.get_string());
  return out;
}

Result<ScriptRule> parse_rule(const std::string& name, const std::string& table_json) {
  static const auto* schema = new api::Schema(api::Schema::compile(kRuleSchema).value());
  const std::string where = "[scripts." + name + "]";
  auto table = parse_json(table_json);
  if (!table) return config_error(where + ": " + table.error().message);
  if (const auto wrong = schema->apply(*table); !wrong.empty())
    return config_error(api::schema_error(where, wrong).message);
  const json::object& o = table->get_object();
  ScriptRule rule;
  rule.enabled = get_bool(o, "enabled", true);
  rule.timeout_ms = static_cast<std::int64_t>(get_double(o, "timeout_seconds") * 1000);
  rule.max_concurrency = get_int(o, "max_concurrency");
  if (const json::value* allow = o.if_contains("allow")) {
    rule.allow = texts(*allow);
    SKEP_TRY(check_permissions(*rule.allow, where + " allow"));
  }
  return rule;
}

}  // namespace

const std::vector<std::string>& script_permissions() {
  static const auto* all =
      new std::vector<std::string>{"exec", "facts", "http", "kv", "secrets", "task"};
  return *all;
}

const ScriptRule& ScriptPolicy::rule(std::string_view name) const {
  static const ScriptRule none;
  const auto at = rules.find(name);
  return at == rules.end() ? none : at->second;
}

std::vector<std::string> ScriptPolicy::refused(std::string_view name,
                                               const std::vector<std::string>& declared,
                                               bool shipped) const {
  const ScriptRule& own = rule(name);
  if (shipped && !own.allow) return {};
  const std::vector<std::string>& granted = own.allow ? *own.allow : allow;
  std::vector<std::string> out;
  for (const std::string& p : declared)
    if (std::find(granted.begin(), granted.end(), p) == granted.end()) out.push_back(p);
  return out;
}

Status ScriptPolicy::check(std::string_view file, const std::string& name,
                           const std::vector<std::string>& declared, bool shipped) const {
  const auto missing = refused(name, declared, shipped);
  if (missing.empty()) return {};
  return Error{Code::kDenied,
               std::string(file) + " needs the permission \"" + join(missing, "\", \"") +
                   "\", which this node does not grant",
               "script-denied",
               "[scripts." + name + "] allow = [\"" + join(declared, "\", \"") + "\"]"};
}

Result<ScriptPolicy> parse_script_policy(std::vector<std::string> allow,
                                         const std::map<std::string, std::string>& tables) {
  ScriptPolicy policy;
  SKEP_TRY(check_permissions(allow, "[scripts] allow"));
  policy.allow = std::move(allow);
  for (const auto& [name, table] : tables) {
    auto rule = parse_rule(name, table);
    if (!rule) return rule.error();
    policy.rules.emplace(name, std::move(*rule));
  }
  return policy;
}

}  // namespace skep::plugin
