// When a child may be started again after children that did not start.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

/// Delays double from half a second to a minute. Guarded by its owner.
class StartBackoff {
 public:
  static constexpr std::int64_t kCrashLoop = 5;  ///< failures in a row that make a crash loop

  /// While it is too early: the last reason with the time left, kNotHere when that was one of this
  /// node, else kUnavailable.
  Status allow(MonoMs now) const;
  /// One that began at `began` did not start. It counts, and then true, unless an earlier failure
  /// held starts back already: those that began together fail together, once.
  bool failed(MonoMs began, MonoMs now, const Error& why);
  void succeeded();

  std::int64_t failures() const { return failures_; }
  bool in_crash_loop() const { return failures_ >= kCrashLoop; }

 private:
  std::int64_t failures_ = 0;
  MonoMs not_before_ = 0;
  Error why_;
};

}  // namespace skep::plugin
