// skep api.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> api_commands();

}  // namespace skep::cli
