// Runs one attempt of a task: a plugin in this process, a child process, or a script.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/model/task.hpp"

namespace skep::ports {

/// Same numbers as SKEP_CANCEL_*.
enum class CancelReason : int {
  kNone = 0,
  kUser = 1,
  kDeadline = 2,
  kReload = 3,
  kShutdown = 4,
  kLeaseLost = 5
};

/// Cancellation of one running attempt: set once, seen by polling or through a descriptor.
class CancelToken {
 public:
  CancelToken();
  /// The same over a reason and an eventfd that belong to somebody else, such as memory shared with
  /// another process. Both must outlive the token.
  CancelToken(std::atomic<int>& reason, int fd) : reason_(reason), fd_(fd) {}
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;
  /// The first reason wins. [any]
  void cancel(CancelReason reason);
  /// A value that is no reason (shared memory may hold anything) counts as kUser.
  CancelReason reason() const {
    const int r = reason_.load();
    return r < 0 || r > static_cast<int>(CancelReason::kLeaseLost) ? CancelReason::kUser
                                                                   : static_cast<CancelReason>(r);
  }
  /// Readable once cancelled (an eventfd). [any]
  int fd() const { return fd_; }

 private:
  std::atomic<int> own_reason_{0};
  std::atomic<int>& reason_ = own_reason_;
  UniqueFd own_fd_;
  int fd_ = -1;
};

/// Where a running task's output goes. Called on any thread of the task, several at once.
struct TaskEvents {
  std::function<void(bool is_stderr, std::string_view bytes)> output;
  std::function<void(std::uint32_t permille, std::string_view note)> progress;
  std::function<void(std::string_view json)> log;
};

struct RunRequest {
  model::ClaimedTask task;
  std::string worker_id;
  std::string site;
  int depth = 0;  ///< 0 = claimed; 1 = run by a claimed one, and so on
};

/// The codes of errors of a task that this node does not run as it told the control plane: its
/// version of the type has just gone, or takes other parameters. Another node may run it.
inline constexpr std::string_view kUnknownType = "unknown-task-type";
inline constexpr std::string_view kParamsRefused = "params-refused";

struct TaskType {
  std::string name;
  std::string description;
  std::string version;                  ///< of the plugin
  std::string params_schema;            ///< JSON Schema, "{}" when it takes anything
  std::int64_t default_timeout_ms = 0;  ///< 0 = none

  bool operator==(const TaskType&) const = default;
};

class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  /// Runs to the end on the caller's thread; never fails itself: what goes wrong is in the Outcome.
  /// `deadline` is CLOCK_MONOTONIC in ms, 0 = none. Fills kind, result, error, retryable,
  /// retry_after_ms. [any]
  virtual model::Outcome run(const RunRequest& request, MonoMs deadline, CancelToken& cancel,
                             const TaskEvents& events) = 0;
  /// May change while tasks run: plugins and scripts come, go and are replaced. [any]
  virtual std::vector<TaskType> types() const = 0;
  /// Calls `changed` after types() changed, on any thread, until an empty one replaces it. One at a
  /// time; a runner whose types are fixed ignores it.
  virtual void on_change(std::function<void()> changed) { static_cast<void>(changed); }
};

}  // namespace skep::ports
