// Processes that are not our children, and cannot be mistaken for others.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::supervise {

/// A process by number and start time, so that a reused number is never taken for it.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t started = 0;  ///< clock ticks since boot, from /proc/PID/stat
};
/// The process with this number now; kNotFound when there is none, or a zombie. Another error, as
/// without a free descriptor, says nothing about the process; the same below.
Result<ProcessId> identify(pid_t pid);
/// Whether exactly this process runs.
Result<bool> is_alive(const ProcessId& id);
/// SIGTERM, then SIGKILL after `grace`; true when it ended by itself. Signals by pidfd.
Result<bool> end_process(const ProcessId& id, Millis grace);
/// The same of the process that `pidfd` is about, whose number is `pid`.
Result<bool> end_process(int pidfd, pid_t pid, Millis grace);

}  // namespace skep::supervise
