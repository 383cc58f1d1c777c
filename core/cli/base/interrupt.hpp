// Ctrl-C and SIGTERM as a flag, for commands that wait.
#pragma once

#include <atomic>

#include "core/base/clock.hpp"
#include "core/base/error.hpp"

namespace skep::cli {

/// From now on SIGINT, SIGTERM and SIGHUP set the flag instead of ending the process; a second
/// SIGINT ends it. Blocking system calls return EINTR.
void catch_interrupts();
const std::atomic<bool>& interrupted();
/// Sleeps for `d`, or until the flag is set.
void sleep_or_interrupt(Clock& clock, Millis d);
/// How a command ends that was interrupted: exit code 130.
Error interruption();

}  // namespace skep::cli
