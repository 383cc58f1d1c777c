// Can a folder be written?
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace skep {

/// Makes a small file in `folder` and removes it; kUnavailable when that fails. Takes as long as
/// the file system does. [any]
Status check_writable(const std::string& folder);

}  // namespace skep
