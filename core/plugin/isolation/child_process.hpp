// One child process with the program skep-plughost: how it starts, is waited for, and ends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "core/plugin/isolation/frames.hpp"
#include "core/plugin/isolation/last_lines.hpp"
#include "core/plugin/isolation/shared_cancel.hpp"
#include "core/plugin/services/masks.hpp"
#include "core/proc/ending.hpp"
#include "core/proc/launch.hpp"
#include "core/proc/process_service.hpp"

namespace skep::plugin {

/// How long a child may not read what it is sent.
inline constexpr int kSendWaitMs = 10'000;

/// Used by one thread at a time. Ends the process, and what it left behind, with the object.
class ChildProcess {
 public:
  /// Executes the program, within the plugin's start time and while `call` goes on; says nothing to
  /// it yet.
  static Result<std::unique_ptr<ChildProcess>> spawn(const ChildPlugin& plugin,
                                                     const proc::CallControl& call = {});
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  frames::Link& link() { return link_; }
  SharedCancel& cancel() { return cancel_; }
  LastLines& lines() { return lines_; }
  /// Who runs in it from now on: what it writes goes without his secrets (services/masks.hpp).
  void speaks_for(std::string_view owner) { owner_ = owner; }
  /// A line that is in the log already.
  void keep_line(std::string_view line);
  const ChildPlugin& plugin() const { return plugin_; }
  pid_t pid() const { return child_.pid; }
  std::int64_t resident_bytes() { return resident_.bytes(); }
  bool is_running() const;
  /// is_running(), and not stopped by a signal, having read what the child wrote until now.
  bool catch_up();

  enum class Wake { kFrame, kCancel, kExited, kTime };
  /// Waits for a frame, for `cancel_fd` (-1 = none) to become readable, for the end of the process,
  /// or until `until` (CLOCK_MONOTONIC ms, 0 = for ever). Reads the child's stderr meanwhile.
  Wake wait(int cancel_fd, MonoMs until);

  /// SIGKILL, without waiting. [any]
  void kill() const;
  /// Lets it go: waits until `until` for it to exit by itself. False when it did not.
  bool wait_exit(MonoMs until);
  /// Kills it, if it still runs, and what it left behind. How it ended: "exited with code 3
  /// (exit)", "was killed by signal 11 (Segmentation fault)". Idempotent.
  const std::string& end();
  /// The signal that ended it, 0 = none or not known. REQUIRES: end().
  int end_signal() const { return end_signal_; }

 private:
  ChildProcess(const ChildPlugin& plugin, proc::Child child, proc::LiveMark mark, UniqueFd socket,
               UniqueFd output, SharedCancel cancel);
  bool is_stopped() const;
  void read_output();
  void drain_output();
  void log_lines(std::string_view bytes);

  const ChildPlugin& plugin_;
  proc::Child child_;
  proc::ResidentSize resident_;
  const proc::LiveMark mark_;
  frames::Link link_;
  UniqueFd output_;  ///< of its stdout and stderr
  SharedCancel cancel_;
  LastLines lines_;
  std::string owner_;  ///< the plugin's id or "script:NAME"
  MaskedStream masked_;
  std::optional<std::string> ended_;
  int end_signal_ = 0;
  std::string own_folder_;  ///< goes with it; "" = it has none
};

}  // namespace skep::plugin
