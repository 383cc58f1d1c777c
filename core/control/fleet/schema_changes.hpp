// What a publication would no longer accept of what is accepted where it is meant to go.
#pragma once

#include <string>
#include <vector>

#include "core/control/fleet/rollout.hpp"
#include "core/control/workers/worker_directory.hpp"

namespace skep::control {

/// Compares the schemas of `r` with those of what is in force at its sites, sorted by id in
/// `releases`, and with those that workers there run now: one line for each change that breaks
/// somebody, "echo 1.0.0 -> 2.0.0: /depth is required now". What is in force comes first, and a
/// worker that has yet to fetch it does not hide it.
std::vector<std::string> schema_changes(const Release& r, const std::vector<Release>& releases,
                                        const std::vector<WorkerRecord>& workers);

}  // namespace skep::control
