// A value that many threads read and one replaces as a whole.
#pragma once

#include <utility>

#include "core/base/mutex.hpp"

namespace skep {

/// [any]
template <class T>
class Live {
 public:
  explicit Live(T value) : value_(std::move(value)) {}
  T get() const {
    const MutexLock lock(mutex_);
    return value_;
  }
  void set(T value) {
    const MutexLock lock(mutex_);
    value_ = std::move(value);
  }

 private:
  mutable Mutex mutex_;
  T value_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep
