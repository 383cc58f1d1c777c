// The commands of this folder, each in the file of its name.
#pragma once

#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

Command artifacts_command();
Command submit_command();
Command types_command();

}  // namespace skep::cli
