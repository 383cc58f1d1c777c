// A value that many threads read and one replaces as a whole.
#pragma once

#include <mutex>
#include <utility>

namespace skep {

/// [any]
template <class T>
class Live {
 public:
  explicit Live(T value) : value_(std::move(value)) {}
  T get() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }
  void set(T value) {
    const std::scoped_lock lock(mutex_);
    value_ = std::move(value);
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace skep
