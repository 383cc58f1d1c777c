// How a child ended.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/base/fd.hpp"
#include "core/proc/subprocess.hpp"

namespace skep::proc {

/// Reaps a child that has ended (or waits for it): reason, code, signal, cpu, peak size.
Exit reap_child(pid_t pid);
/// The resident size of a process. Its file in /proc stays open from the first look on, so that a
/// look is one read. REQUIRES: the process is not reaped yet.
class ResidentSize {
 public:
  explicit ResidentSize(pid_t pid);
  /// Now; 0 when it cannot be read, as when the process has ended.
  std::int64_t bytes();

 private:
  std::string path_;
  UniqueFd statm_;
};
/// The largest resident size so far, from /proc; 0 when it cannot be read.
std::int64_t peak_rss_bytes(pid_t pid);
/// Those that service managers, terminals and people end a service with, all its processes at once.
bool is_stop_signal(int number);
/// A shell whose program died of a signal exits with this and the signal's number.
inline constexpr int kShellSignal = 128;
/// Signals the process group that `leader` leads. REQUIRES: `leader` is not reaped yet.
void signal_group(pid_t leader, int number);

}  // namespace skep::proc
