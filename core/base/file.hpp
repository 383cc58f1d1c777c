// Files that are whole or not there at all.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace skep {

/// Puts `bytes` at `path` in one step: a temporary file beside it (its name starts with a dot),
/// fsync, rename, fsync of the folder. After a crash the old file is there or the new one. One
/// writer per path at a time.
Status replace_file(const std::string& path, std::string_view bytes, mode_t mode);

/// A whole regular file. kNotFound when there is none, kInvalid for a pipe or a device, which is
/// not waited for, kInvalid "too-large" beyond `cap` bytes, else the error number's: that is no
/// verdict on what is in the file, and the next time may succeed.
Result<std::string> load_file(const std::string& path, std::size_t cap);

/// The same of what a person names, which may be a pipe as in <(COMMAND): waits for its end.
Result<std::string> load_input(const std::string& path, std::size_t cap);

/// A file that is not there yet, on disk with its name when it returns; kState when it is there.
Status create_file(const std::string& path, std::string_view bytes, mode_t mode);

/// Whether `path` lies in `folder` or deeper, by the names on its way; in "" lies nothing. Does not
/// look at the disk.
bool is_beneath(const std::string& path, const std::string& folder);

/// Why a folder could not be made: as which user, and what helps.
Error folder_error(const std::string& folder, int error_number);

/// The names in a folder outlive a power cut: of files that were made, renamed or removed there.
Status sync_folder(const std::string& folder);

}  // namespace skep
