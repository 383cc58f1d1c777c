// The composition root: builds what a node's roles need from its configuration and runs it. The
// only place where a concrete type meets an interface.
#pragma once

#include <string>
#include <vector>

#include "core/config/load.hpp"

namespace skep::app {

/// The first thing of a process that will be a node: a signal that comes before run_node() waits
/// for it, and stops the node as one that comes later.
void expect_node();

/// Runs the node in this thread until SIGTERM or SIGINT; a second signal cuts the drain short.
/// Returns the process's exit code: 0 after a graceful end, 78 for configuration that cannot work,
/// 1 for anything else that kept it from starting or ended it.
///
/// `source` is what `loaded` was read from: SIGHUP, a change of the file and POST /api/node/reload
/// read it again.
int run_node(const config::Loaded& loaded, const config::LoadOptions& source);

/// The folder above that of this program: what bin/, lib/ and share/ are below.
std::string install_prefix();

/// Where plugins are when [plugins] paths is empty: lib/skep/plugins beside the binary's folder.
std::vector<std::string> default_plugin_paths();
/// The folders of plugins of a node, in the order of the search: [plugins] paths, else
/// STATE_DIR/plugins, which is the node's own and where `skep plugin install` puts files, and then
/// the default ones.
std::vector<std::string> plugin_paths(const config::Config& config);
/// Where the scripts are that come with the program: share/skep/scripts beside its folder.
std::string shipped_scripts();
/// It lies in that folder, and so gets the permissions that it declares.
bool is_shipped_script(const std::string& path);
/// The folders of [scripts] paths; when that is empty, STATE_DIR/scripts and the shipped ones.
std::vector<std::string> script_paths(const config::Config& config);

}  // namespace skep::app
