#include "core/app/node_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <optional>

#include "core/api/schema.hpp"
#include "core/app/admission.hpp"
#include "core/app/app.hpp"
#include "core/app/node_files.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/plugin/plugin_files.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/scripts/policy.hpp"
#include "core/plugin/tables.hpp"
#include "core/trust/lock_file.hpp"

namespace skep::app {
namespace {

namespace fs = std::filesystem;

using plugin::ComponentInfo;
using plugin::PluginInfo;
using Tables = std::map<std::string, std::string>;

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

class NodeCheck {
 public:
  explicit NodeCheck(const config::Loaded& loaded) : loaded_(loaded), config_(loaded.config) {
    set_plugin_search(config_, options_);
    options_.staging_dir = config_.node.state_dir + "/staging";  // nothing is loaded from there
  }

  NodeProblems run() {
    // What a scan logs, a folder or file that it passes over, is said below in plain words.
    log::configure(config_.log.format, "error");
    // Of the default folders, that of the node itself need not exist.
    check_folders("plugins.paths", "plugins",
                  config_.plugins.paths.empty() ? default_plugin_paths() : plugin_paths(config_));
    check_folders("scripts.paths", "scripts", config_.scripts.paths);
    if (const auto policy =
            plugin::parse_script_policy(config_.scripts.allow, config_.scripts.tables);
        !policy)
      add(policy.error());
    const Tables tables = check_tables();
    options_.tables = tables;
    plugin::Registry registry(options_);
    if (const auto scanned = registry.scan(); !scanned) add(scanned.error());
    plugins_ = registry.list();
    check_trust();
    for (const PluginInfo& p : plugins_)
      if (p.state == plugin::PluginState::kRefused)
        out_.warnings.push_back("plugin " + p.path + " is refused: " + p.reason);
    if (config_.is_control()) {
      check_component(
          "queue", config_.queue,
          component_table(registry, DatabaseKind::kQueue, config_.queue, config_.node.state_dir));
      check_component(
          "store", config_.store,
          component_table(registry, DatabaseKind::kStore, config_.store, config_.node.state_dir));
      check_token("http.token_file", config_.http.token_file);
      check_token("http.join_token_file", config_.http.join_token_file);
    }
    if (config_.is_worker()) {
      check_component("spool", config_.spool, config_.spool.table);
      check_component("heartbeat", config_.heartbeat, config_.heartbeat.table);
      check_token("worker.token_file", config_.worker.token_file);
      check_token("worker.join_token_file", config_.worker.join_token_file);
    }
    return std::move(out_);
  }

 private:
  void check_folders(const std::string& key, const std::string& what,
                     const std::vector<std::string>& folders) {
    for (const std::string& folder : folders) {
      std::error_code ec;
      const fs::directory_iterator readable(folder, ec);
      if (ec)
        out_.warnings.push_back(
            fmt::format("{}no {} in {}: {}", at(key), what, folder, ec.message()));
    }
  }

  /// What [trust] would not let in counts as refused from here on.
  void check_trust() {
    const auto settings = trust::Settings::from(config_.trust);
    if (!settings) {
      for (const std::string& line : split(settings.error().message, '\n'))
        out_.errors.push_back(at("trust.keys") + line);
      return;
    }
    if (settings->pin || settings->signature)
      if (const auto lock = trust::LockFile::read(settings->lock_file);
          !lock && (settings->pin || lock.error().code != Code::kNotFound))
        out_.errors.push_back(at("trust.lock_file") + "[trust] lock_file: " + lock.error().message +
                              "; next: skep plugin lock");
    refuse_untrusted(trust::Gate(*settings), plugins_);
  }

  /// The tables that fit. One at a time, because a scan ends with the first that does not.
  Tables check_tables() {
    Tables good;
    for (const auto& [id, text] : config_.plugins.tables) {
      plugin::RegistryOptions one = options_;
      one.tables = {{id, text}};
      plugin::Registry registry(one);
      if (const auto scanned = registry.scan(); !scanned) {
        add(config::with_place(loaded_, scanned.error()));
        continue;
      }
      good.emplace(id, text);
      std::vector<std::string> ids;
      for (const PluginInfo& p : registry.list()) ids.push_back(p.id);
      if (std::find(ids.begin(), ids.end(), id) == ids.end())
        out_.warnings.push_back(plugin::table_without_plugin(id, ids).message +
                                "; it waits for one that the control plane sends");
    }
    return good;
  }

  void check_component(const std::string& word, const config::ComponentTable& section,
                       const std::string& table) {
    const auto choice = choose(word, section.plugin);
    if (choice) check_table(word, *choice, table);
  }

  /// By component name, then by plugin id, as the registry does it.
  std::optional<Choice> choose(const std::string& word, const std::string& name) {
    const std::vector<Choice> all = choices_of("skep.kind." + word + "/1");
    const std::string where = at(word + ".plugin") + "[" + word + "] plugin = \"" + name + "\": ";
    for (const bool by_id : {false, true}) {
      std::vector<Choice> hits;
      for (const Choice& c : all)
        if ((by_id ? c.plugin->id : c.component->name) == name) hits.push_back(c);
      if (hits.empty()) continue;
      const auto usable =
          std::find_if(hits.begin(), hits.end(), [](const Choice& c) { return c.usable(); });
      if (usable == hits.end()) {
        const PluginInfo& p = *hits.front().plugin;
        out_.errors.push_back(where + "plugin " + p.id + " is " + std::string(to_string(p.state)) +
                              (p.reason.empty() ? "" : ": " + split(p.reason, '\n')[0]));
        return std::nullopt;
      }
      const auto same = [&](const Choice& c) { return c.plugin == usable->plugin; };
      if (by_id && std::count_if(hits.begin(), hits.end(), same) > 1) {
        out_.errors.push_back(
            fmt::format("{}the plugin has several components of kind {}; name one of them: skep "
                        "plugin show {}",
                        where, word, name));
        return std::nullopt;
      }
      return *usable;
    }
    out_.errors.push_back(where + none_such(word, name, all));
    return std::nullopt;
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
    if (const auto own = options_.tables.find(choice.plugin->id); own != options_.tables.end())
      if (const auto parsed = plugin::parse_plugin_table(own->first, own->second))
        for (const auto& [key, value] : parsed->settings)
          if (choice.plugin->components.size() == 1 || has_property(*choice.component, key))
            out[key] = value;
    if (const auto own = parse_json(table); own && own->is_object())
      for (const auto& [key, value] : own->get_object()) out[key] = value;
    return out;
  }

  void check_table(const std::string& word, const Choice& choice, const std::string& table) {
    json::value document(settings_of(choice, table));
    const auto schema = api::Schema::compile(choice.component->config_schema);
    if (!schema) return add(schema.error().within("plugin " + choice.plugin->id));
    for (const api::SchemaProblem& p : schema->apply(document)) {
      const std::string member = first_member(p.pointer);
      out_.errors.push_back(fmt::format(
          "{}[{}] for plugin {}: {}{}{}", at(word + "." + (member.empty() ? "plugin" : member)),
          word, choice.plugin->id, p.pointer, p.pointer.empty() ? "" : " ", p.message));
    }
  }

  void check_token(const std::string& key, const std::string& path) {
    if (path.empty()) return;
    const std::size_t dot = key.find('.');
    const std::string where =
        at(key) + "[" + key.substr(0, dot) + "] " + key.substr(dot + 1) + ": ";
    std::error_code ec;  // what is missing or out of reach is for read_token() to say
    const fs::file_status status = fs::status(path, ec);
    if (!ec && fs::exists(status) && !fs::is_regular_file(status)) {
      out_.errors.push_back(where + path + " is " +
                            (fs::is_directory(status) ? "a folder" : "no regular file") +
                            "; expected a file that holds the token");
      return;
    }
    if (const auto token = read_token(path); !token) {
      const Error& e = token.error();
      out_.errors.push_back(where + e.message + (e.next.empty() ? "" : "; next: " + e.next));
    }
  }

  void add(const Error& e) { out_.errors.push_back(e.message); }

  /// "site.toml:3:1: ", or nothing for a default.
  std::string at(const std::string& key) const {
    const auto origin = loaded_.origins.find(key);
    if (origin == loaded_.origins.end() || origin->second.kind == config::Layer::kDefault)
      return {};
    return config::to_string(origin->second) + ": ";
  }

  const config::Loaded& loaded_;
  const config::Config& config_;
  plugin::RegistryOptions options_;
  std::vector<PluginInfo> plugins_;
  NodeProblems out_;
};

}  // namespace

NodeProblems check_node(const config::Loaded& loaded) { return NodeCheck(loaded).run(); }

}  // namespace skep::app
