// Where [trust] meets what loads plugins and scripts.
#pragma once

#include <memory>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/trust/gate.hpp"

namespace skep::app {

/// The policy of the configuration; kConfig for keys that are none.
Result<std::shared_ptr<trust::Gate>> make_gate(const config::Config& config);

/// The gate as the hook of the registry and of scripts; it shares the gate.
plugin::Admission admission(std::shared_ptr<const trust::Gate> gate);

/// Asks the gate about the files themselves, as a node would about its copies of them, and makes
/// those refused, with the reason, that it would not load.
void refuse_untrusted(const trust::Gate& gate, std::vector<plugin::PluginInfo>& plugins);

}  // namespace skep::app
