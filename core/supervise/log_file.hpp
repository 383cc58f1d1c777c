// The end of a log file, which may be long.
#pragma once

#include <cstddef>
#include <string>

namespace skep::supervise {

/// The last `count` lines of the file, out of its last 16 KiB; "" when it cannot be read.
std::string last_lines_of(const std::string& path, std::size_t count);

}  // namespace skep::supervise
