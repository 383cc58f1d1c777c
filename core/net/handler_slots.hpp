// Lets at most n handlers run at a time; the others queue without a thread.
#pragma once

#include <deque>
#include <functional>

#include "core/base/mutex.hpp"

namespace skep::net {

class HandlerSlots {
 public:
  explicit HandlerSlots(std::size_t count) : free_(count) {}

  /// True: the caller has a slot and calls leave(). False: `granted` is called once a slot is the
  /// caller's, in the order of asking, on the thread of a leave(); it returns at once.
  template <class Granted>
  bool enter(const Granted& granted) {
    const MutexLock lock(mutex_);
    if (free_ > 0) {
      --free_;
      return true;
    }
    queue_.emplace_back(granted);
    return false;
  }

  /// Gives the slot to the one who asked first, or back.
  void leave() {
    std::function<void()> next;
    {
      const MutexLock lock(mutex_);
      if (queue_.empty()) {
        ++free_;
        return;
      }
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    next();
  }

 private:
  Mutex mutex_;
  std::size_t free_ SKEP_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> queue_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::net
