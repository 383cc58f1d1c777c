// What a node keeps in its folders and what it finds there: identity, tokens, databases, releases.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/api/desired_releases.hpp"
#include "core/base/result.hpp"
#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/scripts/open_engine.hpp"
#include "core/plugin/scripts/registry.hpp"

namespace skep::app {

/// Names in [queue], [heartbeat] and so on, task types and ids, each with the id of the plugin that
/// comes with skep and has it: nobody else answers to it, whether that plugin is there or not.
const std::map<std::string, std::string>& shipped_names();

enum class DatabaseKind { kQueue, kStore };

/// Where a queue or store keeps its data when nobody says where: a file in `state_dir` that no
/// other plugin is given.
std::string database_path(DatabaseKind kind, const std::string& plugin,
                          const std::string& state_dir);
/// The section's table with "path" set to that file, when the component takes a path and the table
/// names none.
std::string component_table(const std::vector<plugin::PluginInfo>& plugins, DatabaseKind kind,
                            const config::ComponentTable& section, const std::string& state_dir);

/// The language of the node's scripts as [plugins.lua] wants it.
plugin::EngineOptions engine_options(const config::Config& config, plugin::Admission admission);

/// The token in `path` without surrounding white space; "" for an empty path. kConfig when the file
/// cannot be read, does not hold one line of printable characters, or may be read by other users.
Result<std::string> read_token(const std::string& path);

/// The node's id: the configured one, else the one kept in state_dir/node-id, made when missing.
Result<std::string> node_id(const config::Config& config);
/// Names the process of a worker that starts now. It sorts after those before it, whatever became
/// of the clock: the last one is kept in state_dir/incarnation.
std::string next_incarnation(const config::Config& config);

/// The folder of the shipped spool; "" for a spool whose table names none.
std::string spool_folder(const config::Config& config);
/// Whether a worker ran with this state folder before and the spool's folder is not there: what it
/// held is gone or elsewhere.
bool lost_spool(const config::Config& config);

/// STATE_DIR/releases: where a worker keeps what the control plane's registry sends.
std::string releases_dir(const config::Config& config);
/// The folders that come first in a worker's plugin and script paths; empty for a node that is no
/// worker.
std::vector<std::string> release_paths(const config::Config& config, api::ReleaseKind kind);
/// Makes those and STATE_DIR/plugins when they are searched and missing.
void make_plugin_folders(const config::Config& config);
/// Where the node looks for plugins, and who has a name there: `paths`, `arrivals`, `reserved`,
/// `names_file` and `is_pinned` of `options`.
void set_plugin_search(const config::Config& config, plugin::RegistryOptions& options);
/// What the plugin registry says of plugin files in `folder`: "active" with the hash that serves,
/// "failed" with the hash that does not and why; the newest word on a hash comes first.
std::vector<api::HeldRelease> plugin_states(const std::vector<plugin::PluginInfo>& plugins,
                                            const std::string& folder);
/// The same of script files.
std::vector<api::HeldRelease> script_states(const std::vector<plugin::ScriptInfo>& scripts,
                                            const std::string& folder);

/// Makes the state folder, mode 0700.
Status make_state_dir(const std::string& path);

}  // namespace skep::app
