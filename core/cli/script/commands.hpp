// skep script .., but for publishing.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> script_commands();

}  // namespace skep::cli
