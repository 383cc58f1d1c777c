// What the threads of one test find broken.
#pragma once

#include <optional>

#include "core/base/mutex.hpp"
#include "core/conformance/test_case.hpp"

namespace skep::conformance {

/// The first word counts. [any]
class SharedBreak {
 public:
  void take(const Broken& broken) {
    const MutexLock lock(mutex_);
    if (!broken_) broken_ = broken;
  }
  /// Throws what take() was given. Call it when the threads have ended.
  void throw_if_any() {
    const MutexLock lock(mutex_);
    if (broken_) throw Broken(*broken_);
  }

 private:
  Mutex mutex_;
  std::optional<Broken> broken_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::conformance
