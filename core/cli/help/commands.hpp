// skep version, skep help, and the hidden writer of docs/reference/cli.md.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> help_commands();

}  // namespace skep::cli
