// skep worker ..
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> worker_commands();

}  // namespace skep::cli
