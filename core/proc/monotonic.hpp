// The clock that children are timed with: the kernel's timers follow it, so it is not injected.
#pragma once

#include <chrono>

#include "core/base/clock.hpp"

namespace skep::proc {

inline MonoMs monotonic_ms() {
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace skep::proc
