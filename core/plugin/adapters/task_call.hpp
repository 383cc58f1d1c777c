// One running task as its plugin sees it: the object behind skep_call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/plugin/concurrency_gate.hpp"
#include "core/plugin/generation.hpp"
#include "core/ports/task_runner.hpp"
#include "core/proc/process_service.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {

/// Collects what the plugin says about one call. Lives on the thread that runs the task.
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

  skep_call* handle() { return reinterpret_cast<skep_call*>(this); }
  static TaskCall& of(skep_call* handle) { return *reinterpret_cast<TaskCall*>(handle); }
  /// The innermost call that this thread runs; null on a thread that runs none.
  static TaskCall* current();
  /// The functions a plugin calls; static.
  static const skep_call_ops& ops();

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
  void note(model::Cause cause) { cause_ = cause; }

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

  /// What the plugin has said of its end so far, taken from the call of one process to be put into
  /// the call of another.
  struct Said {
    std::string result;
    std::uint64_t refused_result_bytes = 0;
    skep_rc failed_with = SKEP_OK;
    std::uint32_t retry_ms = 0;
    std::string message;
    model::Cause cause = model::Cause::kTask;
  };
  Said take_said();
  void put_said(Said said);

 private:
  skep_rc emit(std::uint32_t channel, std::string_view bytes);
  skep_rc set_result(std::string_view json);
  skep_rc progress(std::uint32_t permille, skep_view note) const;
  skep_rc fail(skep_rc code, std::uint32_t retry_ms, skep_view message);
  std::int64_t deadline_ns() const;
  std::int32_t wait(std::int64_t until_ns);
  std::string refusal() const;
  model::Outcome succeeded();
  model::Outcome failed(skep_rc rc);
  model::Outcome broken(const Error& error);

  std::string_view plugin_id_;
  MonoMs deadline_;
  ports::CancelToken& cancel_;
  const ports::TaskEvents& events_;
  std::string result_;
  std::string message_;
  skep_rc failed_with_ = SKEP_OK;
  std::uint32_t retry_ms_ = 0;
  std::size_t refused_result_bytes_ = 0;
  CallEnd end_ = CallEnd::kOk;
  model::Cause cause_ = model::Cause::kTask;
  ConcurrencyGate* slot_of_ = nullptr;  ///< null = it holds none
  ports::TaskRunner* nested_ = nullptr;
  const ports::RunRequest* request_ = nullptr;
  TaskCall* outer_;  ///< the one that was current() before
};

/// A failed outcome: {"code","message"[,"next"]} and whether it may be tried again.
model::Outcome failed_outcome(const Error& error, bool retryable);

}  // namespace skep::plugin
