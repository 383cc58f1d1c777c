// What the registry says of plugins and scripts, as the API and the command line show it.
#pragma once

#include <boost/json/object.hpp>
#include <vector>

#include "core/plugin/registry.hpp"
#include "core/plugin/scripts/registry.hpp"

namespace skep::app {

/// {id, version, license, description, path, sha256, failed_sha256, state, reason, components,
/// generations}
boost::json::object plugin_document(const plugin::PluginInfo& info);
/// {"items":[..],"next_cursor":null}
boost::json::object plugin_list(const std::vector<plugin::PluginInfo>& plugins);

/// The same of scripts: {name, version, description, path, sha256, state, reason, permissions,
/// warnings, generations}
boost::json::object script_list(const std::vector<plugin::ScriptInfo>& scripts);

}  // namespace skep::app
