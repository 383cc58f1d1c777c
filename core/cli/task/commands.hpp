// skep task ..
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> task_commands();

}  // namespace skep::cli
