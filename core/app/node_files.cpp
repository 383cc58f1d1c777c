#include "core/app/node_files.hpp"

#include <sys/stat.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "core/app/app.hpp"
#include "core/base/describe.hpp"
#include "core/base/file.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/base/token.hpp"
#include "core/config/keys.hpp"
#include "core/worker/release_folder.hpp"

namespace skep::app {
namespace {

/// A name in [queue], [heartbeat] and so on, or a task type of ours: nobody else answers to it.
const std::map<std::string, std::string> kShippedNames{{"collect_facts", "collect_facts"},
                                                       {"execute_script", "execute_script"},
                                                       {"file", "spool_file"},
                                                       {"spool_file", "spool_file"},
                                                       {"http", "heartbeat_http"},
                                                       {"heartbeat_http", "heartbeat_http"},
                                                       {"lua", "lua"},
                                                       {"sqlite", "sqlite"},
                                                       {"sqlite_queue", "sqlite"},
                                                       {"sqlite_store", "sqlite"}};

std::string incarnation_file(const config::Config& config) {
  return config.node.state_dir + "/incarnation";
}

void say(api::ReleaseKind kind, const std::string& name, const std::string& sha256, bool active,
         const std::string& reason, std::vector<api::HeldRelease>& out) {
  out.push_back({kind, name, sha256, active ? "active" : "failed", active ? "" : reason});
}

void say_generations(api::ReleaseKind kind, const std::string& name,
                     const std::vector<plugin::GenerationInfo>& generations,
                     std::vector<api::HeldRelease>& out) {
  for (const plugin::GenerationInfo& g : generations) {
    const bool active = plugin::serves(g.state);
    if (active || plugin::is_refuted(g.state)) say(kind, name, g.sha256, active, g.reason, out);
  }
}

/// Does that component take a "path"?
bool takes_path(const std::vector<plugin::PluginInfo>& plugins, std::string_view kind,
                const std::string& name) {
  for (const auto& plugin : plugins)
    for (const auto& c : plugin.components) {
      if (c.kind != kind || (c.name != name && plugin.id != name)) continue;
      const auto schema = parse_json(c.config_schema);
      if (!schema || !schema->is_object()) continue;
      const auto* properties = schema->get_object().if_contains("properties");
      if (properties != nullptr && properties->is_object() &&
          properties->get_object().contains("path"))
        return true;
    }
  return false;
}

}  // namespace

std::string database_path(DatabaseKind kind, const std::string& plugin,
                          const std::string& state_dir) {
  const bool queue = kind == DatabaseKind::kQueue;
  const config::Config defaults;
  const bool shipped = plugin == (queue ? defaults.queue.plugin : defaults.store.plugin);
  return state_dir + "/" + (shipped ? "" : plugin + "-") + (queue ? "queue.db" : "store.db");
}

std::string component_table(const std::vector<plugin::PluginInfo>& plugins, DatabaseKind kind,
                            const config::ComponentTable& section, const std::string& state_dir) {
  const bool queue = kind == DatabaseKind::kQueue;
  auto table = parse_json(section.table);
  if (!table || !table->is_object() || table->get_object().contains("path") ||
      !takes_path(plugins, queue ? "skep.kind.queue/1" : "skep.kind.store/1", section.plugin))
    return section.table;
  table->get_object()["path"] = database_path(kind, section.plugin, state_dir);
  return to_text(*table);
}

plugin::EngineOptions engine_options(const config::Config& config, plugin::Admission admission) {
  plugin::EngineOptions options;
  if (const auto settings = config.plugins.tables.find(options.component);
      settings != config.plugins.tables.end())
    options.table = settings->second;
  options.staging_dir = config.node.state_dir + "/staging";
  options.state_dir = config.node.state_dir;
  if (auto id = node_id(config)) options.node_id = std::move(*id);
  options.site = config.node.site;
  options.admission = std::move(admission);
  return options;
}

Result<std::string> read_token(const std::string& path) {
  if (path.empty()) return std::string();
  struct stat info {};
  if (stat(path.c_str(), &info) != 0)
    return config_error(errno_error("read " + path, errno).message);
  if (!S_ISREG(info.st_mode)) return config_error(path + " is no regular file");
  if ((info.st_mode & 077) != 0)
    return config_error(path + " may be read by other users").with_next("chmod 600 " + path);
  const auto text = load_file(path, 4096);
  if (!text) return config_error(text.error().message);
  if (trim(*text).size() < 16)
    return config_error(path + " holds no token of at least 16 characters")
        .with_next("head -c 32 /dev/urandom | base64 > " + path);
  return token_in(*text, path);
}

Result<std::string> node_id(const config::Config& config) {
  if (!config.node.id.empty()) return config.node.id;
  const std::string path = config.node.state_dir + "/node-id";
  const auto text = load_file(path, 4096);
  std::error_code ec;  // a link to nothing is there
  const bool missing =
      !text && text.error().code == Code::kNotFound &&
      std::filesystem::symlink_status(path, ec).type() == std::filesystem::file_type::not_found;
  if (!text && !missing) return config_error(text.error().message);
  if (text) {
    const std::string kept(trim(*text));
    if (is_name(kept)) return kept;
    return config_error(path + " holds no worker id: " + describe(boost::json::value(kept)))
        .with_next(
            "write the id of this worker into it, or set [node] id; to begin as another "
            "worker, remove it");
  }
  const std::string id = "worker-" + random_hex(4);
  SKEP_TRY(replace_file(path, id + "\n", 0644));
  return id;
}

std::string next_incarnation(const config::Config& config) {
  const std::string path = incarnation_file(config);
  std::string id = new_id_after(trim(read_file(path, 4096).value_or("")));
  if (const Status kept = replace_file(path, id + "\n", 0600); !kept)
    log::warn(
        "worker_incarnation_unwritten",
        {{"error", kept.error().message},
         {"effect", "after a clock that goes back the next process may be taken for an older"}});
  return id;
}

std::string spool_folder(const config::Config& config) {
  const auto dir = config::get(config, *config::find_key("spool", "dir"));
  return dir.is_string() ? std::string(dir.get_string()) : "";
}

bool lost_spool(const config::Config& config) {
  const std::string folder = spool_folder(config);
  std::error_code ec;  // what cannot be told is for the spool to say
  return !folder.empty() && std::filesystem::exists(incarnation_file(config), ec) &&
         !std::filesystem::exists(folder, ec) && !ec;
}

std::string releases_dir(const config::Config& config) {
  return config.node.state_dir + "/releases";
}

std::vector<std::string> release_paths(const config::Config& config, api::ReleaseKind kind) {
  if (!config.is_worker()) return {};
  return {worker::release_path(releases_dir(config), kind)};
}

void make_plugin_folders(const config::Config& config) {
  auto folders = release_paths(config, api::ReleaseKind::kPlugin);
  for (std::string& path : release_paths(config, api::ReleaseKind::kScript))
    folders.push_back(std::move(path));
  if (config.plugins.paths.empty()) folders.push_back(plugin_paths(config).front());
  for (const std::string& path : folders) {
    std::error_code ec;  // said by the scan that finds no folder
    std::filesystem::create_directories(path, ec);
  }
}

void set_plugin_search(const config::Config& config, plugin::RegistryOptions& options) {
  options.reserved = kShippedNames;
  options.paths = release_paths(config, api::ReleaseKind::kPlugin);
  if (!options.paths.empty()) options.arrivals = options.paths.front();
  for (std::string& path : plugin_paths(config)) options.paths.push_back(std::move(path));
}

std::vector<api::HeldRelease> plugin_states(const std::vector<plugin::PluginInfo>& plugins,
                                            const std::string& folder) {
  std::vector<api::HeldRelease> out;
  for (const plugin::PluginInfo& p : plugins) {
    if (!is_beneath(p.path, folder)) continue;
    if (p.state == plugin::PluginState::kRefused)
      say(api::ReleaseKind::kPlugin, p.id, p.sha256, false, p.reason, out);
    else if (!p.failed_sha256.empty())
      say(api::ReleaseKind::kPlugin, p.id, p.failed_sha256, false, p.reason, out);
    say_generations(api::ReleaseKind::kPlugin, p.id, p.generations, out);
  }
  return out;
}

std::vector<api::HeldRelease> script_states(const std::vector<plugin::ScriptInfo>& scripts,
                                            const std::string& folder) {
  std::vector<api::HeldRelease> out;
  for (const plugin::ScriptInfo& s : scripts) {
    if (!is_beneath(s.path, folder)) continue;
    const std::string name = std::filesystem::path(s.path).stem().string();
    if (s.state != plugin::ScriptState::kActive)
      say(api::ReleaseKind::kScript, name, s.sha256, false, s.reason, out);
    say_generations(api::ReleaseKind::kScript, name, s.generations, out);
  }
  return out;
}

Status make_state_dir(const std::string& path) {
  std::error_code ec;
  const bool made = std::filesystem::create_directories(path, ec);
  if (ec) {
    Error error = folder_error(path, ec.value()).within("[node] state_dir");
    error.code = Code::kConfig;
    return error;
  }
  // Only a folder of our own making: somebody else's keeps its mode.
  if (made && chmod(path.c_str(), 0700) != 0) return errno_error("chmod 700 " + path, errno);
  return {};
}

}  // namespace skep::app
