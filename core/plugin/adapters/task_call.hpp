// One running task as its plugin sees it: the object behind skep_call.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/plugin/adapters/call_handle.hpp"
#include "core/plugin/concurrency_gate.hpp"
#include "core/plugin/generation.hpp"
#include "core/plugin/services/masks.hpp"
#include "core/ports/task_runner.hpp"
#include "core/proc/process_service.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {

/// Collects what the plugin says about one call. Made and ended on the thread that runs the task;
/// the plugin may use its handle on any thread until then, and is turned away after that. What it
/// says goes out without its secrets (masks.hpp).
class TaskCall {
 public:
  static constexpr std::size_t kMaxResultBytes = 4u << 20;
  static constexpr int kMaxDepth = 8;  ///< tasks inside each other

  /// `deadline` is CLOCK_MONOTONIC in ms, 0 = none. All three must outlive the call.
  TaskCall(std::string_view plugin_id, MonoMs deadline, ports::CancelToken& cancel,
           const ports::TaskEvents& events);
  ~TaskCall();
  TaskCall(const TaskCall&) = delete;
  TaskCall& operator=(const TaskCall&) = delete;

  skep_call* handle() { return handle_.abi(); }
  /// The functions of such handles; static. Which task is behind one says CallUse.
  static const skep_call_ops& ops();
  bool is_on_its_thread() const { return std::this_thread::get_id() == thread_; }

  /// Where lines of log() go instead of this process's own log; before the plugin has the handle.
  using Log = std::function<void(std::uint32_t level, std::string_view event,
                                 std::string_view fields_json)>;
  void log_to(Log log) { log_ = std::move(log); }
  /// A line in the log, with the task's type and id.
  void log(std::uint32_t level, std::string_view event, std::string_view fields_json);

  /// What ends the children that the process service runs for this call.
  proc::CallControl control() const { return {cancel_.fd(), deadline_}; }

  /// Turns run()'s return value into the attempt's outcome.
  model::Outcome outcome(skep_rc rc);
  /// The reason to stop; finds out itself that the deadline has passed.
  ports::CancelReason reason();
  /// Takes a slot for as long as the call lives; waits for it until the call is to stop, and is
  /// false then. While another task runs inside the call the slot is free for others: it may be
  /// that one which needs it. [call]
  bool enter(ConcurrencyGate& gate);
  /// The task got no turn: cancels it as late, unless it was cancelled before.
  void give_up();

  /// How the call ended, once outcome() has been asked; a target that knows worse says so itself.
  CallEnd end() const { return end_; }
  void blame(CallEnd end) { end_ = end; }
  /// From now on a failure of the call counts as `cause`'s doing.
  void note(model::Cause cause);

  /// Who runs: a plugin's id or "script:NAME".
  std::string_view owner() const { return plugin_id_; }
  /// Lets the task run others: under the attempt, site and worker of `request`, which must outlive
  /// the call. `runner` may be null.
  void nest(ports::TaskRunner* runner, const ports::RunRequest& request) {
    nested_ = runner;
    request_ = &request;
  }
  /// Runs another task type inside this call; see skep/svc/task.h. Its result document. [call]
  Result<std::string> run_task(std::string_view type, std::string_view params_json);

  /// Another number for each call of this process.
  std::uint64_t serial() const { return serial_; }
  /// Of the attempt, see ports::RunRequest.
  std::string folder() const { return request_ == nullptr ? std::string() : request_->folder; }
  std::uint64_t artifact_bytes() const {
    return request_ == nullptr ? 0 : request_->artifact_bytes;
  }
  struct ArtifactPlace {
    std::string folder;
    std::uint64_t most = 0;  ///< bytes
  };
  /// Takes the name, so that no other artifact of the call gets it. keep_artifact() or
  /// drop_artifact() follows. [any]
  Result<ArtifactPlace> begin_artifact(std::string_view name);
  void keep_artifact(model::Artifact artifact);
  void drop_artifact(std::string_view name);

  /// What the plugin has said of its end so far, taken from the call of one process to be put into
  /// the call of another.
  struct Said {
    std::string result;
    std::uint64_t refused_result_bytes = 0;
    skep_rc failed_with = SKEP_OK;
    std::uint32_t retry_ms = 0;
    std::string message;
    model::Cause cause = model::Cause::kTask;
    std::vector<model::Artifact> artifacts{};
  };
  Said take_said();
  void put_said(Said said);

 private:
  skep_rc emit(std::uint32_t channel, std::string_view bytes);
  skep_rc refuse_channel(std::uint32_t channel);
  void write(bool is_stderr, std::string_view bytes);
  ports::TaskEvents joined();
  void write_rest();
  skep_rc set_result(std::string_view json);
  skep_rc progress(std::uint32_t permille, skep_view note) const;
  skep_rc fail(skep_rc code, std::uint32_t retry_ms, skep_view message);
  std::int64_t deadline_ns() const;
  std::int32_t wait(std::int64_t until_ns);
  int ended_fd();
  void end_waits();
  void add_artifacts(std::vector<model::Artifact> more);
  model::Outcome ended(skep_rc rc, Said said);
  model::Outcome succeeded(Said said);
  model::Outcome failed(skep_rc rc, Said said);
  model::Outcome broken(const Error& error);

  std::string_view plugin_id_;
  MonoMs deadline_;
  ports::CancelToken& cancel_;
  const ports::TaskEvents& events_;
  const std::thread::id thread_ = std::this_thread::get_id();
  Log log_{};
  CallEnd end_ = CallEnd::kOk;
  ConcurrencyGate* slot_of_ = nullptr;  ///< null = it holds none
  ports::TaskRunner* nested_ = nullptr;
  const ports::RunRequest* request_ = nullptr;

  const std::uint64_t serial_;
  std::atomic<bool> has_refused_channel_ = false;  ///< one line of log a call

  Mutex mutex_;  ///< for what threads of the plugin say, and never while others hear it
  Said said_ SKEP_GUARDED_BY(mutex_);
  std::set<std::string, std::less<>> artifact_names_ SKEP_GUARDED_BY(mutex_);
  std::array<MaskedStream, 2> streams_ SKEP_GUARDED_BY(mutex_);  ///< stdout and stderr
  UniqueFd ended_ SKEP_GUARDED_BY(mutex_);  ///< readable at the end; made for a thread that waits
  bool is_over_ SKEP_GUARDED_BY(mutex_) = false;

  CallHandle& handle_;  ///< the last to be made: from then on the plugin may come
};

/// A failed outcome: {"code","message"[,"next"]} and whether it may be tried again.
model::Outcome failed_outcome(const Error& error, bool retryable);

}  // namespace skep::plugin
