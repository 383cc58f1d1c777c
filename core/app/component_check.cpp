#include "core/app/component_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "core/api/schema.hpp"
#include "core/app/admission.hpp"
#include "core/app/app.hpp"
#include "core/app/node_files.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/config/diff.hpp"
#include "core/config/keys.hpp"
#include "core/plugin/tables.hpp"

namespace skep::app {
namespace {

using plugin::ComponentInfo;
using plugin::PluginInfo;

struct Choice {
  const PluginInfo* plugin = nullptr;
  const ComponentInfo* component = nullptr;
  bool usable() const { return plugin->state == plugin::PluginState::kAvailable; }
};

/// "/a/b" as "a".
std::string first_member(const std::string& pointer) {
  return pointer.empty() ? std::string() : pointer.substr(1, pointer.find('/', 1) - 1);
}

bool has_property(const ComponentInfo& component, std::string_view name) {
  const auto schema = parse_json(component.config_schema);
  if (!schema || !schema->is_object()) return false;
  const json::object& o = schema->get_object();
  const json::value* properties = o.if_contains("properties");
  if (properties != nullptr && properties->is_object() && properties->get_object().contains(name))
    return true;
  const json::value* more = o.if_contains("additionalProperties");
  return more != nullptr && !(more->is_bool() && !more->get_bool());
}

bool has_member(const std::string& table, const std::string& name) {
  const auto parsed = parse_json(table);
  return parsed && parsed->is_object() && parsed->get_object().contains(name);
}

class ComponentCheck {
 public:
  ComponentCheck(const config::Config& config, const std::vector<PluginInfo>& plugins,
                 const std::map<std::string, std::string>& tables)
      : config_(config), plugins_(plugins), tables_(tables) {}

  std::vector<ComponentProblem> run() {
    const std::string& state_dir = config_.node.state_dir;
    if (config_.is_control()) {
      check("queue", config_.queue,
            component_table(plugins_, DatabaseKind::kQueue, config_.queue, state_dir));
      check("store", config_.store,
            component_table(plugins_, DatabaseKind::kStore, config_.store, state_dir));
    }
    if (config_.is_worker()) {
      check("spool", config_.spool, config_.spool.table);
      check("heartbeat", config_.heartbeat, config_.heartbeat.table);
    }
    return std::move(out_);
  }

 private:
  void check(const std::string& word, const config::ComponentTable& section,
             const std::string& table) {
    const auto choice = choose(word, section.plugin);
    if (choice) check_table(word, *choice, table);
  }

  /// By component name, then by plugin id, as the registry does it.
  std::optional<Choice> choose(const std::string& word, const std::string& name) {
    const std::vector<Choice> all = choices_of("skep.kind." + word + "/1");
    const auto wrong = [&](const std::string& why) {
      out_.push_back({word + ".plugin", "[" + word + "] plugin = \"" + name + "\": " + why});
      return std::nullopt;
    };
    for (const bool by_id : {false, true}) {
      std::vector<Choice> hits;
      for (const Choice& c : all)
        if ((by_id ? c.plugin->id : c.component->name) == name) hits.push_back(c);
      if (hits.empty()) continue;
      const auto usable =
          std::find_if(hits.begin(), hits.end(), [](const Choice& c) { return c.usable(); });
      if (usable == hits.end()) {
        const PluginInfo& p = *hits.front().plugin;
        return wrong("plugin " + p.id + " is " + std::string(to_string(p.state)) +
                     (p.reason.empty() ? "" : ": " + split(p.reason, '\n')[0]));
      }
      const auto same = [&](const Choice& c) { return c.plugin == usable->plugin; };
      if (by_id && std::count_if(hits.begin(), hits.end(), same) > 1)
        return wrong(
            fmt::format("the plugin has several components of kind {}; name one of them: skep "
                        "plugin show {}",
                        word, name));
      return *usable;
    }
    return wrong(none_such(word, name, all));
  }

  std::vector<Choice> choices_of(const std::string& kind) const {
    std::vector<Choice> out;
    for (const PluginInfo& p : plugins_)
      for (const ComponentInfo& c : p.components)
        if (c.kind == kind) out.push_back({&p, &c});
    return out;
  }

  std::string none_such(const std::string& word, const std::string& name,
                        const std::vector<Choice>& all) const {
    std::vector<std::string> names;
    for (const Choice& c : all)
      if (c.usable())
        for (const std::string& known : {c.component->name, c.plugin->id})
          if (std::find(names.begin(), names.end(), known) == names.end()) names.push_back(known);
    if (!names.empty()) return "no such " + word + "; " + suggestion(name, names);
    return "no plugin for a " + word + " in " + join(plugin_paths(config_), ", ");
  }

  /// What [plugins.ID] says to this component, overlaid with the section's table.
  json::object settings_of(const Choice& choice, const std::string& table) const {
    json::object out;
    if (const auto own = tables_.find(choice.plugin->id); own != tables_.end())
      if (const auto parsed = plugin::parse_plugin_table(own->first, own->second))
        for (const auto& [key, value] : parsed->settings)
          if (choice.plugin->components.size() == 1 || has_property(*choice.component, key))
            out[key] = value;
    if (const auto own = parse_json(table); own && own->is_object())
      for (const auto& [key, value] : own->get_object()) out[key] = value;
    return out;
  }

  /// Who says the member: the section, or [plugins.ID].
  std::string key_of(const std::string& word, const std::string& id, const std::string& table,
                     const std::string& member) const {
    if (member.empty()) return word + ".plugin";
    const auto own = tables_.find(id);
    const bool of_plugin =
        !has_member(table, member) && own != tables_.end() && has_member(own->second, member);
    return (of_plugin ? "plugins." + id : word) + "." + member;
  }

  void check_table(const std::string& word, const Choice& choice, const std::string& table) {
    json::value document(settings_of(choice, table));
    const std::string& id = choice.plugin->id;
    const auto schema = api::Schema::compile(choice.component->config_schema);
    if (!schema) {
      out_.push_back({"", schema.error().within("plugin " + id).message});
      return;
    }
    for (const api::SchemaProblem& p : schema->apply(document)) {
      const std::string member = first_member(p.pointer);
      out_.push_back({key_of(word, id, table, member),
                      fmt::format("[{}] for plugin {}: {}{}{}", word, id, p.pointer,
                                  p.pointer.empty() ? "" : " ", p.message)});
    }
  }

  const config::Config& config_;
  const std::vector<PluginInfo>& plugins_;
  const std::map<std::string, std::string>& tables_;
  std::vector<ComponentProblem> out_;
};

/// Do components go by that key, "queue.path" or "node.roles"?
bool concerns_components(const config::Change& change) {
  const std::string section = change.key.substr(0, change.key.find('.'));
  return section == "plugins" || change.key == "node.roles" ||
         config::find_component_section(section) != nullptr;
}

/// With the plugins that a start with this configuration would find. Tables that fit none are not
/// its business.
std::vector<ComponentProblem> problems_at_start(const config::Config& config) {
  plugin::RegistryOptions options;
  set_plugin_search(config, options);
  options.staging_dir = config.node.state_dir + "/staging";  // nothing is loaded from there
  options.tables = config.plugins.tables;
  plugin::Registry registry(options);
  static_cast<void>(registry.scan());
  std::vector<PluginInfo> plugins = registry.list();
  if (const auto trusted = trust::Settings::from(config.trust))
    refuse_untrusted(trust::Gate(*trusted), plugins);
  return component_problems(config, plugins, config.plugins.tables);
}

}  // namespace

std::vector<ComponentProblem> component_problems(const config::Config& config,
                                                 const std::vector<PluginInfo>& plugins,
                                                 const std::map<std::string, std::string>& tables) {
  return ComponentCheck(config, plugins, tables).run();
}

std::vector<std::string> new_component_problems(const config::Loaded& running,
                                                const config::Loaded& next) {
  const auto changes = config::diff(running.config, next.config);
  if (std::none_of(changes.begin(), changes.end(), concerns_components)) return {};
  const auto problems = problems_at_start(next.config);
  if (problems.empty()) return {};
  const auto old = problems_at_start(running.config);
  std::vector<std::string> out;
  for (const ComponentProblem& p : problems)
    if (std::find(old.begin(), old.end(), p) == old.end())
      out.push_back(config::place_of(next, p.key) + p.message);
  return out;
}

}  // namespace skep::app
