// What the registry says of a plugin, as the API and the command line show it.
#pragma once

#include <boost/json/object.hpp>
#include <vector>

#include "core/plugin/registry.hpp"

namespace skep::app {

/// {id, version, license, description, path, sha256, state, reason, components, generations}
boost::json::object plugin_document(const plugin::PluginInfo& info);
/// {"items":[..],"next_cursor":null}
boost::json::object plugin_list(const std::vector<plugin::PluginInfo>& plugins);

}  // namespace skep::app
