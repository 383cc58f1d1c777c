#include "core/config/diff.hpp"

#include <boost/json.hpp>
#include <map>

#include "core/base/describe.hpp"
#include "core/base/json.hpp"
#include "core/config/keys.hpp"
#include "core/config/show.hpp"

namespace skep::config {
namespace {

struct Value {
  std::string key;
  std::string name;  ///< the last part of `key`
  bool live = false;
  json::value value;
};

void add_table(std::vector<Value>& out, const std::string& section, const std::string& table,
               bool live) {
  const json::object members = std::move(parse_json(table).value().get_object());
  if (members.empty() && section.find('.') != std::string::npos)
    out.push_back({section, "", live, json::object{}});
  for (const auto& [name, value] : members)
    if (find_key(section, name) == nullptr)
      out.push_back({section + "." + std::string(name), std::string(name), live, value});
}

/// Every value of a configuration, in the order of the reference.
std::vector<Value> flatten(const Config& config) {
  std::vector<Value> out;
  for (const std::string& section : section_names()) {
    for (const Key& key : keys())
      if (key.section == section)
        out.push_back({key.path(), std::string(key.name), key.live, get(config, key)});
    if (const ComponentSection* at = find_component_section(section))
      add_table(out, section, (config.*at->table).table, false);
    if (section == "plugins")
      for (const auto& [plugin, table] : config.plugins.tables)
        add_table(out, "plugins." + plugin, table, true);
    if (section == "scripts")
      for (const auto& [script, table] : config.scripts.tables)
        add_table(out, "scripts." + script, table, false);
    if (section == "secrets")
      for (const auto& [secret, table] : config.secrets)
        add_table(out, "secrets." + secret, table, true);
  }
  return out;
}

const Value* find(const std::vector<Value>& values, const std::string& key) {
  for (const Value& value : values)
    if (value.key == key) return &value;
  return nullptr;
}

std::string shown(const Value* value) {
  return value == nullptr ? "null" : plain_text(masked(value->name, value->value));
}

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
  const std::vector<Value> old = flatten(before);
  const std::vector<Value> now = flatten(after);
  std::vector<Change> out;
  for (const Value& value : now) {
    const Value* was = find(old, value.key);
    if (was == nullptr || was->value != value.value)
      out.push_back({value.key, shown(was), shown(&value), value.live});
  }
  for (const Value& was : old)
    if (find(now, was.key) == nullptr) out.push_back({was.key, shown(&was), "null", was.live});
  return out;
}

Config with_live(Config running, const Config& next) {
  for (const Key& key : keys())
    if (key.live) set(running, key, get(next, key));
  running.plugins.tables = next.plugins.tables;
  running.secrets = next.secrets;
  return running;
}

std::vector<Covered> covered_changes(const Loaded& before, const Loaded& after) {
  std::vector<Covered> out;
  for (const auto& [key, text] : after.covered) {
    const auto was = before.covered.find(key);
    if (was != before.covered.end() && was->second == text) continue;
    const std::string name = key.substr(key.rfind('.') + 1);
    out.push_back({key, plain_text(masked(name, parse_json(text).value())),
                   to_string(after.origins.at(key))});
  }
  return out;
}

}  // namespace skep::config
