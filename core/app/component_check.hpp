// Whether [queue], [store], [heartbeat] and [spool] fit the plugins that they choose: the one
// answer for `skep config check` and for a reload. By manifests alone; nothing is loaded.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/config/load.hpp"
#include "core/plugin/registry.hpp"

namespace skep::app {

struct ComponentProblem {
  std::string key;      ///< "queue.path"; "queue.plugin" when it is about the whole table
  std::string message;  ///< with the nearest valid thing
  bool operator==(const ComponentProblem&) const = default;
};

/// Of the sections that the node's roles use. `plugins` is what there is, `tables` what
/// [plugins.ID] says to them.
std::vector<ComponentProblem> component_problems(const config::Config& config,
                                                 const std::vector<plugin::PluginInfo>& plugins,
                                                 const std::map<std::string, std::string>& tables);

/// What is wrong with `next` and not with `running` as well, one a line with its place, with the
/// plugins that a start would find now. Looks at no file while neither differs in what components
/// go by.
std::vector<std::string> new_component_problems(const config::Loaded& running,
                                                const config::Loaded& next);

}  // namespace skep::app
