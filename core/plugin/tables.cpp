#include "core/plugin/tables.hpp"

#include <algorithm>
#include <vector>

#include "core/api/members.hpp"
#include "core/base/text.hpp"
#include "core/plugin/kinds.hpp"
#include "skep/kind/script_host.h"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

std::string table_name(const std::string& id) { return "[plugins." + id + "]"; }

/// What a component's schema says about its keys.
struct Keys {
  std::vector<std::string> names;
  bool any = false;
  bool has(std::string_view key) const {
    for (const std::string& name : names)
      if (name == key) return true;
    return any;
  }
};

Keys keys_of(const ManifestComponent& component) {
  Keys keys;
  if (!component.config_schema) return keys;
  const auto parsed = parse_json(component.config_schema->text());
  const auto* schema = parsed ? parsed->if_object() : nullptr;
  if (schema == nullptr) return keys;
  if (const auto* p = schema->if_contains("properties"); p != nullptr && p->is_object())
    for (const auto& [name, value] : p->get_object()) keys.names.emplace_back(name);
  const auto* more = schema->if_contains("additionalProperties");
  keys.any = more != nullptr && !(more->is_bool() && !more->get_bool());
  return keys;
}

Result<std::string> isolation_of(const std::string& id, const json::value& value) {
  std::string mode = value.is_string() ? std::string(value.get_string()) : to_text(value);
  const std::vector<std::string> known{"inproc", "process", "per-task"};
  if (value.is_string() && std::find(known.begin(), known.end(), mode) != known.end()) return mode;
  return config_error(table_name(id) + ": isolation \"" + mode + "\" is unknown; " +
                      suggestion(mode, known));
}

bool runs_apart(const ManifestComponent& c) {
  return c.kind == SKEP_KIND_TASK || c.kind == SKEP_KIND_SCRIPT_HOST;
}

Status check_isolation(const Manifest& manifest, const std::string& mode) {
  if (mode.empty()) return {};
  const std::string where = table_name(manifest.id) + ": isolation \"" + mode + "\"";
  if (mode != "inproc" && !can_run_apart(manifest))
    return config_error(where + " is for tasks and scripts; plugin " + manifest.id + " has only " +
                        kinds_run_here(manifest) + ", which run in the node's process")
        .with_next("remove the key, or say isolation = \"inproc\"");
  const auto& allowed = manifest.isolation_allowed;
  if (std::find(allowed.begin(), allowed.end(), mode) == allowed.end())
    return config_error(where + " is not among what the plugin allows: " + join(allowed, ", "));
  return {};
}

Error as_config_error(Error error) {
  error.code = Code::kConfig;
  return error;
}

Result<std::string> complete(const ManifestComponent& component, json::object table,
                             const std::string& where) {
  if (!component.config_schema) {
    if (table.empty()) return std::string("{}");
    return config_error(where + ": unknown key \"" + std::string(table.begin()->key()) +
                        "\"; this component takes no settings");
  }
  json::value document(std::move(table));
  const auto wrong = component.config_schema->apply(document);
  if (!wrong.empty()) return as_config_error(api::schema_error(where, wrong));
  return to_text(document);
}

/// The settings that are meant for this component.
json::object own_settings(const Manifest& manifest, const ManifestComponent& component,
                          const json::object& settings) {
  if (manifest.components.size() == 1) return settings;
  const Keys keys = keys_of(component);
  json::object own;
  for (const auto& [key, value] : settings)
    if (keys.has(key)) own[key] = value;
  return own;
}

Status check_known(const Manifest& manifest, const json::object& settings) {
  Keys all;
  for (const ManifestComponent& c : manifest.components) {
    Keys keys = keys_of(c);
    all.any = all.any || keys.any;
    for (std::string& name : keys.names) all.names.push_back(std::move(name));
  }
  for (const auto& [key, value] : settings) {
    if (all.has(key)) continue;
    std::vector<std::string> known = all.names;
    known.insert(known.end(), {"enabled", "isolation", "limits"});
    return config_error(table_name(manifest.id) + ": unknown key \"" + std::string(key) + "\"; " +
                        suggestion(std::string_view(key), known))
        .with_next("skep plugin show " + manifest.id);
  }
  return Status();
}

}  // namespace

Result<PluginTable> parse_plugin_table(const std::string& id, std::string_view table_json) {
  auto object = api::parse_object(table_json, table_name(id));
  if (!object) return as_config_error(object.error());
  PluginTable out;
  out.settings = std::move(*object);
  out.text = to_text(out.settings);
  if (const auto* v = out.settings.if_contains("enabled")) {
    if (!v->is_bool()) return config_error(table_name(id) + ": enabled must be true or false");
    out.enabled = v->get_bool();
  }
  if (const auto* v = out.settings.if_contains("isolation")) {
    auto mode = isolation_of(id, *v);
    if (!mode) return mode.error();
    out.isolation = std::move(*mode);
  }
  if (const auto* v = out.settings.if_contains("limits")) {
    auto limits = parse_limits(to_text(*v));
    if (!limits) return limits.error().within(table_name(id));
    out.limits = *limits;
  }
  for (const char* key : {"enabled", "isolation", "limits"}) out.settings.erase(key);
  return out;
}

bool can_run_apart(const Manifest& manifest) {
  return std::any_of(manifest.components.begin(), manifest.components.end(), runs_apart);
}

std::string kinds_run_here(const Manifest& manifest) {
  std::vector<std::string> words;
  for (const ManifestComponent& c : manifest.components) {
    const Kind* kind = find_kind(c.kind);
    std::string word(kind == nullptr ? std::string_view(c.kind) : kind->word);
    if (!runs_apart(c) && std::find(words.begin(), words.end(), word) == words.end())
      words.push_back(std::move(word));
  }
  return join(words, ", ");
}

Status check_plugin_table(const Manifest& manifest, const PluginTable& table) {
  const json::object& settings = table.settings;
  SKEP_TRY(check_isolation(manifest, table.isolation));
  SKEP_TRY(check_known(manifest, settings));
  for (const ManifestComponent& c : manifest.components) {
    if (!runs_apart(c)) continue;
    SKEP_TRY(complete(c, own_settings(manifest, c, settings), table_name(manifest.id)));
  }
  return Status();
}

Result<std::string> component_config(const Manifest& manifest, const ManifestComponent& component,
                                     const json::object& settings, const json::object& chosen_by) {
  json::object merged = own_settings(manifest, component, settings);
  for (const auto& [key, value] : chosen_by) merged[key] = value;
  const Kind* kind = find_kind(component.kind);
  const bool by_table = kind != nullptr && !runs_apart(component);
  return complete(component, std::move(merged),
                  by_table ? "[" + std::string(kind->word) + "] for plugin " + manifest.id
                           : table_name(manifest.id));
}

}  // namespace skep::plugin
