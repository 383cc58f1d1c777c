#include "core/app/node_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/app/admission.hpp"
#include "core/app/app.hpp"
#include "core/app/component_check.hpp"
#include "core/app/node_files.hpp"
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

using plugin::PluginInfo;
using Tables = std::map<std::string, std::string>;

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
    for (const ComponentProblem& p : component_problems(config_, plugins_, tables))
      out_.errors.push_back(at(p.key) + p.message);
    if (config_.is_control()) {
      check_token("http.token_file", config_.http.token_file);
      check_token("http.join_token_file", config_.http.join_token_file);
    }
    if (config_.is_worker()) {
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

  std::string at(const std::string& key) const { return config::place_of(loaded_, key); }

  const config::Loaded& loaded_;
  const config::Config& config_;
  plugin::RegistryOptions options_;
  std::vector<PluginInfo> plugins_;
  NodeProblems out_;
};

}  // namespace

NodeProblems check_node(const config::Loaded& loaded) { return NodeCheck(loaded).run(); }

}  // namespace skep::app
