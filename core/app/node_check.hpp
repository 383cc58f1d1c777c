// What `skep config check` finds beyond the file itself: plugins, their tables, token files.
#pragma once

#include <string>
#include <vector>

#include "core/config/load.hpp"

namespace skep::app {

struct NodeProblems {
  std::vector<std::string> errors;    ///< `skep start` would refuse each of them with exit code 78
  std::vector<std::string> warnings;  ///< it would start all the same
};

/// Looks for what `skep start` looks for: reads the manifests of the plugins, loads none and writes
/// nothing. Only what the node's roles use counts.
NodeProblems check_node(const config::Loaded& loaded);

/// Its errors about [scripts], components and token files that `next` brings to a node that runs
/// with `running`, one a line with its place. What did not change is not looked at: files may be
/// replaced at any time.
std::vector<std::string> new_problems(const config::Loaded& running, const config::Loaded& next);

}  // namespace skep::app
