// The commands of this folder, each in the file of its name.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> publish_commands();  ///< of scripts and of plugins

}  // namespace skep::cli
