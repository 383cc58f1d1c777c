// What the child takes from itself before it loads anybody's code.
#pragma once

#include "core/base/result.hpp"
#include "core/plugin/isolation/limits.hpp"

namespace skep::plughost {

/// Memory, descriptors, no new privileges, first choice of the kernel when memory runs out. All of
/// it is inherited by what the plugin starts and can only be tightened.
Status restrict_process(const plugin::ChildLimits& limits);

}  // namespace skep::plughost
