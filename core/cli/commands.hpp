// The one list of nouns. A new noun is a folder beside base/, a line in commands.cpp and its name
// in CMakeLists.txt.
#pragma once

#include "core/cli/base/command.hpp"

namespace skep::cli {

/// Every command, in the order of the help.
const CommandTable& all_commands();

}  // namespace skep::cli
