// skep up, and the hidden process behind skep up -d.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> up_commands();

}  // namespace skep::cli
