// A call of the host into a component that is no task: the object behind its skep_call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"
#include "core/plugin/call_threads.hpp"
#include "core/ports/task_runner.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {

/// Lives until the function that got it has returned. What the plugin asks of it costs nothing
/// before it is asked: the descriptor is made for the first who wants it. [any]
class HostCall : private skep_call {
 public:
  /// `deadline` is CLOCK_MONOTONIC in ms, 0 = none.
  HostCall(std::string plugin_id, std::string component, MonoMs deadline);
  HostCall(const HostCall&) = delete;
  HostCall& operator=(const HostCall&) = delete;
  ~HostCall() = default;

  skep_call* handle() { return this; }
  MonoMs deadline() const { return deadline_; }

  /// The first reason wins.
  void cancel(ports::CancelReason reason);
  /// The reason to stop; finds out itself that the deadline has passed.
  ports::CancelReason reason();
  /// The node stops: who waits for the call waits no longer than it has to.
  void hurry();
  bool hurried() const;
  /// The thread that runs it, whose owner is woken by cancel() and hurry(); null = no more.
  void runs_on(CallThreads::Hold* hold);

 private:
  static HostCall& of(skep_call* handle) { return *static_cast<HostCall*>(handle); }
  static const skep_call_ops& ops_table();
  std::int64_t deadline_ns() const;
  std::int32_t wait(std::int64_t until_ns);
  std::int32_t cancel_fd();
  void write_log(std::uint32_t level, skep_view event, skep_view fields_json) const;
  void wake();

  const std::string plugin_id_;
  const std::string component_;
  const MonoMs deadline_;
  mutable Mutex mutex_;
  CondVar cancelled_;
  ports::CancelReason reason_ SKEP_GUARDED_BY(mutex_) = ports::CancelReason::kNone;
  bool hurried_ SKEP_GUARDED_BY(mutex_) = false;
  UniqueFd fd_ SKEP_GUARDED_BY(mutex_);
  Mutex hold_mutex_;
  CallThreads::Hold* hold_ SKEP_GUARDED_BY(hold_mutex_) = nullptr;
};

}  // namespace skep::plugin
