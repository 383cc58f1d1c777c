// What a node's plugins and scripts are up to, as Prometheus metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/api/process_json.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/scripts/registry.hpp"

namespace skep::app {

/// `events` as events::counts() gives them. docs/reference/metrics.md lists the names.
std::string node_metrics(const std::vector<api::Health::Check>& checks,
                         const std::vector<plugin::PluginInfo>& plugins,
                         const std::vector<plugin::ScriptInfo>& scripts,
                         const std::map<std::string, std::uint64_t>& events);

}  // namespace skep::app
