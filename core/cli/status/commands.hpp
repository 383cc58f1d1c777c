// skep status, skep health.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> status_commands();

}  // namespace skep::cli
