// A call into a plugin that runs no task: reading a script, dropping one.
#pragma once

#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/ports/task_runner.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {

/// What the plugin gets as its skep_call. Lives until the function that got it has returned.
class HostCall : private skep_call {
 public:
  /// `deadline` is CLOCK_MONOTONIC in ms, 0 = none.
  HostCall(std::string_view plugin_id, std::string_view component, MonoMs deadline)
      : skep_call{&table()}, plugin_id_(plugin_id), component_(component), deadline_(deadline) {}
  HostCall(const HostCall&) = delete;
  HostCall& operator=(const HostCall&) = delete;

  skep_call* handle() { return this; }
  /// Asks it to stop. [any]
  void cancel(ports::CancelReason why) { cancel_.cancel(why); }

 private:
  static const skep_call_ops& table();
  static HostCall& of(skep_call* handle) { return *static_cast<HostCall*>(handle); }
  std::int32_t cancelled();
  std::int64_t deadline_ns() const;
  std::int32_t wait(std::int64_t until_ns);
  void log(std::uint32_t level, skep_view event, skep_view fields) const;

  std::string plugin_id_;
  std::string component_;
  MonoMs deadline_;
  ports::CancelToken cancel_;
};

}  // namespace skep::plugin
