// A mutex that is waited for until an instant.
#pragma once

#include <condition_variable>
#include <mutex>

namespace spool {

/// std::timed_mutex waits by pthread_mutex_clocklock(), which the thread sanitizer of clang 14 does
/// not see. For std::unique_lock. [any]
class TimedMutex {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return !held_; });
    held_ = true;
  }
  template <class TimePoint>
  bool try_lock_until(const TimePoint& when) {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_until(lock, when, [this] { return !held_; })) return false;
    held_ = true;
    return true;
  }
  void unlock() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
    }
    freed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  bool held_ = false;
};

}  // namespace spool
