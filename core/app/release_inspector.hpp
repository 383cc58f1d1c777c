// What a published file says of itself: of a plugin the manifest in its bytes, of a script what its
// language reads out of it in a child.
#pragma once

#include <string>

#include "core/control/fleet/fleet_registry.hpp"
#include "core/plugin/registry.hpp"

namespace skep::app {

/// Plugins are not loaded. Of a script nothing is said where `registry` has no language that
/// `admission` lets in. `registry` must outlive it; `staging_dir` as in plugin::EngineOptions.
control::Inspector release_inspector(const plugin::Registry& registry, plugin::Admission admission,
                                     std::string staging_dir);

}  // namespace skep::app
