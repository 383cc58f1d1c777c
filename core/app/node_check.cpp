#include "core/app/node_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/app/admission.hpp"
#include "core/app/app.hpp"
#include "core/app/component_check.hpp"
#include "core/app/node_files.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/plugin/plugin_files.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/scripts/policy.hpp"
#include "core/plugin/services/secret_rules.hpp"
#include "core/plugin/tables.hpp"
#include "core/trust/lock_file.hpp"

namespace skep::app {
namespace {

namespace fs = std::filesystem;

using plugin::PluginInfo;
using Tables = std::map<std::string, std::string>;

struct TokenFile {
  std::string key;  ///< "http.token_file"
  std::string path;
  bool operator==(const TokenFile&) const = default;
};

/// Those that the node's roles use.
std::vector<TokenFile> token_files(const config::Config& config) {
  std::vector<TokenFile> out;
  if (config.is_control()) {
    out.push_back({"http.token_file", config.http.token_file});
    out.push_back({"http.join_token_file", config.http.join_token_file});
  }
  if (config.is_worker()) {
    out.push_back({"worker.token_file", config.worker.token_file});
    out.push_back({"worker.join_token_file", config.worker.join_token_file});
  }
  return out;
}

/// What is wrong with it, or nothing.
std::optional<std::string> token_problem(const config::Loaded& loaded, const TokenFile& file) {
  const auto& [key, path] = file;
  if (path.empty()) return std::nullopt;
  const std::size_t dot = key.find('.');
  const std::string where =
      config::place_of(loaded, key) + "[" + key.substr(0, dot) + "] " + key.substr(dot + 1) + ": ";
  std::error_code ec;  // what is missing or out of reach is for read_token() to say
  const fs::file_status status = fs::status(path, ec);
  if (!ec && fs::exists(status) && !fs::is_regular_file(status))
    return where + path + " is " + (fs::is_directory(status) ? "a folder" : "no regular file") +
           "; expected a file that holds the token";
  const auto token = read_token(path);
  if (token) return std::nullopt;
  const Error& e = token.error();
  return where + e.message + (e.next.empty() ? "" : "; next: " + e.next);
}

std::optional<std::string> scripts_problem(const config::Loaded& loaded) {
  const auto& scripts = loaded.config.scripts;
  const auto policy = plugin::parse_script_policy(scripts.allow, scripts.tables);
  if (policy) return std::nullopt;
  return config::with_place(loaded, policy.error()).message;
}

/// What is wrong with [secrets], and with the files of those that `known` does not have.
std::vector<std::string> secrets_problems(const config::Loaded& loaded,
                                          const plugin::SecretRules& known) {
  const auto rules = plugin::parse_secret_rules(loaded.config.secrets);
  if (!rules) return {config::with_place(loaded, rules.error()).message};
  std::vector<std::string> out;
  for (const auto& [name, rule] : *rules) {
    const auto same = known.find(name);
    if (same != known.end() && same->second == rule) continue;
    const auto value = plugin::load_secret(rule.file);
    if (value) continue;
    const Error& e = value.error();
    out.push_back(config::place_of(loaded, "secrets." + name + ".file") + "[secrets." + name +
                  "] file: " + e.message + (e.next.empty() ? "" : "; next: " + e.next));
  }
  return out;
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
    add(scripts_problem(loaded_));
    for (std::string& problem : secrets_problems(loaded_, {}))
      out_.errors.push_back(std::move(problem));
    const Tables tables = check_tables();
    options_.tables = tables;
    plugin::Registry registry(options_);
    if (const auto scanned = registry.scan(); !scanned) add(scanned.error());
    plugins_ = registry.list();
    check_trust();
    for (const PluginInfo& p : plugins_)
      if (p.state == plugin::PluginState::kRefused)
        out_.warnings.push_back("plugin " + p.path + " is refused: " + p.reason);
    for (const ComponentProblem& p : component_problems(config_, plugins_, tables))
      out_.errors.push_back(at(p.key) + p.message);
    for (const TokenFile& file : token_files(config_)) add(token_problem(loaded_, file));
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

  void add(const Error& e) { out_.errors.push_back(e.message); }
  void add(std::optional<std::string> problem) {
    if (problem) out_.errors.push_back(std::move(*problem));
  }

  std::string at(const std::string& key) const { return config::place_of(loaded_, key); }

  const config::Loaded& loaded_;
  const config::Config& config_;
  plugin::RegistryOptions options_;
  std::vector<PluginInfo> plugins_;
  NodeProblems out_;
};

}  // namespace

NodeProblems check_node(const config::Loaded& loaded) { return NodeCheck(loaded).run(); }

std::vector<std::string> new_problems(const config::Loaded& running, const config::Loaded& next) {
  const auto& before = running.config.scripts;
  const auto& scripts = next.config.scripts;
  std::vector<std::string> out;
  const auto add = [&out](std::optional<std::string> problem) {
    if (problem) out.push_back(std::move(*problem));
  };
  if (scripts.allow != before.allow || scripts.tables != before.tables) add(scripts_problem(next));
  for (std::string& problem : new_component_problems(running, next))
    out.push_back(std::move(problem));
  const auto before_secrets = plugin::parse_secret_rules(running.config.secrets);
  for (std::string& problem :
       secrets_problems(next, before_secrets ? *before_secrets : plugin::SecretRules()))
    out.push_back(std::move(problem));
  const auto known = token_files(running.config);
  for (const TokenFile& file : token_files(next.config))
    if (std::find(known.begin(), known.end(), file) == known.end()) add(token_problem(next, file));
  return out;
}

}  // namespace skep::app
