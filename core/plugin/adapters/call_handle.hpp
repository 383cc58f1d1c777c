// The handle by which a plugin knows the task that it runs.
#pragma once

#include <atomic>
#include <cstdint>

#include "skep/abi/base.h"

namespace skep::plugin {

class TaskCall;

/// Threads of a plugin may come with it while the task runs, and, against the rules, later: handles
/// are never freed, and one that has ended leads nowhere. It is lent again after many others.
class CallHandle {
 public:
  CallHandle() = default;
  CallHandle(const CallHandle&) = delete;
  CallHandle& operator=(const CallHandle&) = delete;

  /// `ops` says whose handles these are.
  static CallHandle& lend(TaskCall& call, const skep_call_ops& ops);
  /// Nobody gets in any more; returns once nobody is inside. What waits inside must have been told.
  void take_back();
  /// No new one gets in from now on.
  void close() { call_.store(nullptr); }

  skep_call* abi() { return &abi_; }
  static CallHandle& of(skep_call* handle) { return *reinterpret_cast<CallHandle*>(handle); }

  /// The call, which stays until leave(), or null when it has ended; leave() follows either way.
  TaskCall* enter();
  void leave();

 private:
  skep_call abi_{};  // first member: the handle is the object's address
  std::atomic<TaskCall*> call_{nullptr};
  std::atomic<std::uint32_t> inside_{0};
};

}  // namespace skep::plugin
