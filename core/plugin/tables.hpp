// TOML tables of plugins: the host's own keys apart, the rest checked against the manifest.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "core/base/json.hpp"
#include "core/plugin/isolation/limits.hpp"
#include "core/plugin/manifest.hpp"

namespace skep::plugin {

/// [plugins.ID]: the host's keys `enabled`, `isolation` and `limits` taken out.
struct PluginTable {
  bool enabled = true;
  std::string isolation;  ///< "" = the node's rule
  ChildLimits limits;     ///< of its child processes
  json::object settings;
  std::string text = "{}";  ///< the whole table, for comparison
};
/// kConfig for a host key with a value that this version cannot serve.
Result<PluginTable> parse_plugin_table(const std::string& id, std::string_view table_json);

/// Has it a component that may run in a child: a task or a script host? The others own files and
/// connections of the node, and always run in its process.
bool can_run_apart(const Manifest& manifest);
/// "queue, store": the kinds of its components that always run in the node's process.
std::string kinds_run_here(const Manifest& manifest);

/// kConfig for an isolation other than inproc when nothing in it can run apart, for a setting that
/// no component of the plugin has, an isolation it does not allow, and for tasks and script hosts,
/// whose complete configuration this is, for everything else that does not fit.
Status check_plugin_table(const Manifest& manifest, const PluginTable& table);

/// The configuration of one component: what [plugins.ID] says to it, overlaid with `chosen_by` (the
/// table that chose it, such as [queue]), checked, with defaults. kConfig otherwise.
Result<std::string> component_config(const Manifest& manifest, const ManifestComponent& component,
                                     const json::object& settings, const json::object& chosen_by);

}  // namespace skep::plugin
