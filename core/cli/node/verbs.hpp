// The commands of this folder, each in the file of its name.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> show_commands();  ///< and reload
Command events_command();
std::vector<Command> config_commands();

}  // namespace skep::cli
