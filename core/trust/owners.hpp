// Who else could replace a file: its owner and mode, and those of every folder above it.
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace skep::trust {

/// kDenied, with the chmod or chown that helps, unless only root and this user can change the file
/// or put another one in its place. In a folder above, others may write when it is sticky (/tmp).
Status check_writers(const std::string& file);

/// kDenied, with the chown that helps, unless the file and the folder that holds it are root's or
/// ours.
Status check_owners(const std::string& file);

/// kDenied when everybody may put files into the folder that holds `file`.
Status check_open_folder(const std::string& file);

}  // namespace skep::trust
