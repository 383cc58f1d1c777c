// The commands of this folder, each in the file of its name.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

Command lock_command();

}  // namespace skep::cli
