// What a node's file says and a node does: skep start, node .., events, config ..
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> node_commands();

}  // namespace skep::cli
