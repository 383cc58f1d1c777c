// What a start says of a queue, store, spool or heartbeat that does not open.
#pragma once

#include <string>

#include "core/base/error.hpp"

namespace skep::app {

/// The error with "[section] key: " in front, where `key` is the one of the section's table whose
/// path the message tells, and a next step where it has none.
Error open_error(const std::string& section, const std::string& table, const Error& error);

}  // namespace skep::app
