// Publishing to a fleet: skep script publish, skep plugin publish, skep registry ..
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> registry_commands();

}  // namespace skep::cli
