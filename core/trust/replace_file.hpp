// Writing small files that must never be seen half.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace skep::trust {

/// Writes beside `path`, to disk, and renames over it.
Status replace_file(const std::string& path, std::string_view text, mode_t mode);
/// A file that is not there yet; kState when it is.
Status create_file(const std::string& path, std::string_view text, mode_t mode);

}  // namespace skep::trust
