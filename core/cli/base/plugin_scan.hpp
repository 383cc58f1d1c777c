// The plugins that a command is about: those of -c FILE, or of --path FOLDER.
#pragma once

#include <optional>
#include <vector>

#include "core/cli/base/invocation.hpp"
#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"

namespace skep::cli {

/// --path. No key changes what a plugin is, so there is no --set.
std::vector<Option> plugin_options();

struct ScannedPlugins {
  std::vector<plugin::PluginInfo> plugins;  ///< by their files alone; nothing is loaded
  std::optional<config::Config> config;     ///< of -c
};
/// Notes on `err` which folders cannot be read and that there are no plugins.
Expected<ScannedPlugins> scan_plugins(Invocation& call);

}  // namespace skep::cli
