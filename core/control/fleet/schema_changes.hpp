// What a publication would no longer accept of what is accepted where it is meant to go.
#pragma once

#include <string>
#include <vector>

#include "core/control/fleet/rollout.hpp"
#include "core/control/workers/worker_directory.hpp"

namespace skep::control {

/// Compares the schemas that `p` says of its types with those that the workers of `r` run now: one
/// line for each change that breaks somebody, "echo 1.0.0 -> 2.0.0: /depth is required now".
std::vector<std::string> schema_changes(const api::Publication& p, const Release& r,
                                        const std::vector<WorkerRecord>& workers);

}  // namespace skep::control
