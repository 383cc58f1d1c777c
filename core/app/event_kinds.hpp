// Which events there are, to tell somebody who waits for one that never comes.
#pragma once

#include <span>
#include <string>

#include "core/base/result.hpp"

namespace skep::app {

enum class EventSource {
  kWorker,        ///< a node without the control role
  kControlNode,   ///< what a control plane says of itself
  kControlPlane,  ///< and of tasks, workers and releases
};

/// kInvalid names the first of `patterns` that no event of the source matches, or none of those
/// that it keeps; patterns with a "!" leave out, and need none. `kept`: of tasks, workers and
/// releases the kinds that are kept, as patterns. Pure.
Status check_kinds(std::span<const std::string> patterns, EventSource source,
                   std::span<const std::string> kept);

}  // namespace skep::app
