// The commands of this folder, each in the file of its name.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

Command new_command();
std::vector<Command> check_commands();  ///< and the hidden one of a single test
Command install_command();
Command dev_command();

}  // namespace skep::cli
