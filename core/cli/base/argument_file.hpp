// Files that arguments name: "@FILE".
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace skep::cli {

/// The whole file. A usage error says whether it cannot be read, and why, or is larger than 16 MiB.
Result<std::string> read_argument_file(const std::string& path);

}  // namespace skep::cli
