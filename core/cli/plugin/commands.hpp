// skep plugin .., but for signing and publishing.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> plugin_commands();

}  // namespace skep::cli
