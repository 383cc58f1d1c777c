// Signing and pinning of plugins and scripts: skep plugin keygen, sign, verify, lock.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

std::vector<Command> trust_commands();

}  // namespace skep::cli
