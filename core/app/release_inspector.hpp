// What a published file says of itself: of a plugin the manifest in its bytes, of a script what its
// language reads out of it in a child.
#pragma once

#include "core/config/config.hpp"
#include "core/control/fleet/fleet_registry.hpp"
#include "core/plugin/registry.hpp"

namespace skep::app {

/// Plugins are not loaded. Of a script nothing is said where `registry` has no language that
/// `admission` lets in; kUnavailable when there was no time to look at it. `registry` must outlive
/// it.
control::Inspector release_inspector(const plugin::Registry& registry, plugin::Admission admission,
                                     const config::Config& config);

}  // namespace skep::app
