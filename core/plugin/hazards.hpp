// What in a shared library does not survive being replaced while the process lives: found in the
// file, before any of its code runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace skep::plugin {

struct Hazard {
  std::string id;    ///< "unique-symbols"
  std::string what;  ///< with the names that matter
  std::string next;  ///< how the author heals it
};

/// The hazards of the file open at `fd` (its offset is not used). kInvalid when it is not a shared
/// library that this host could load, or damaged. Nothing is allocated by a number that the file
/// brings. [any]
Result<std::vector<Hazard>> hazard_scan(int fd);

/// Null when there are none; else one error that lists them. In a child process none of them
/// matters: each generation there begins with an empty process.
Status check_hazards(const std::string& path);

}  // namespace skep::plugin
