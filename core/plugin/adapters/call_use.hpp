// What the services of the host ask of a call that a plugin hands them, whatever kind of call it
// is.
#pragma once

#include <cstdint>
#include <limits>

#include "skep/abi/base.h"

namespace skep::plugin {

class TaskCall;

/// A call in use by a service: while it lives, the task behind the call does not end. A call that
/// was null, or that runs no task, has none; one that has ended already counts as cancelled. [any]
class CallUse {
 public:
  explicit CallUse(skep_call* call);
  ~CallUse();
  CallUse(const CallUse&) = delete;
  CallUse& operator=(const CallUse&) = delete;

  TaskCall* task() const { return task_; }
  /// The task behind it has ended: its plugin may not use it any more.
  bool is_over() const { return is_task_ && task_ == nullptr; }
  /// 0 = go on, else SKEP_CANCEL_*.
  std::int32_t cancelled() const;
  /// CLOCK_MONOTONIC ns; INT64_MAX when it has none.
  std::int64_t deadline_ns() const;

 private:
  skep_call* call_;
  bool is_task_;
  TaskCall* task_ = nullptr;
};

}  // namespace skep::plugin
