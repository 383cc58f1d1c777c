// Lets at most n handlers run at a time; the others queue without a thread.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <utility>

#include "core/base/mutex.hpp"

namespace skep::net {

/// Who waits for a slot. Each kind has a queue and they take turns, so that a thousand requests
/// which were woken at once do not stand before a heartbeat.
enum class HandlerKind : std::size_t {
  kFresh = 0,    ///< a request that came in
  kResumed = 1,  ///< one that waited for news
  kHeavy = 2,    ///< a list and the like: at most a quarter of the slots, and two
};

class HandlerSlots {
 public:
  explicit HandlerSlots(std::size_t count)
      : free_(count), heavy_free_(std::clamp<std::size_t>(count / 4, 1, 2)) {}

  /// True: the caller has a slot and calls leave(). False: `granted` is called once a slot is the
  /// caller's, in the order of asking within its kind, on the thread of a leave(); it returns at
  /// once.
  template <class Granted>
  bool enter(HandlerKind kind, const Granted& granted) {
    const MutexLock lock(mutex_);
    if (free_ > 0 && take(kind)) return true;
    queues_[static_cast<std::size_t>(kind)].emplace_back(granted);
    return false;
  }

  /// Gives the slot to one who waits, or back.
  void leave(HandlerKind kind) {
    std::function<void()> next;
    {
      const MutexLock lock(mutex_);
      ++free_;
      if (kind == HandlerKind::kHeavy) ++heavy_free_;
      next = grant();
    }
    if (next) next();
  }

 private:
  bool take(HandlerKind kind) SKEP_REQUIRES(mutex_) {
    if (kind == HandlerKind::kHeavy && heavy_free_ == 0) return false;
    if (kind == HandlerKind::kHeavy) --heavy_free_;
    --free_;
    return true;
  }

  std::function<void()> grant() SKEP_REQUIRES(mutex_) {
    for (std::size_t tried = 0; tried < queues_.size(); ++tried) {
      turn_ = (turn_ + 1) % queues_.size();
      auto& queue = queues_[turn_];
      if (queue.empty() || !take(static_cast<HandlerKind>(turn_))) continue;
      std::function<void()> next = std::move(queue.front());
      queue.pop_front();
      return next;
    }
    return {};
  }

  Mutex mutex_;
  std::size_t free_ SKEP_GUARDED_BY(mutex_);
  std::size_t heavy_free_ SKEP_GUARDED_BY(mutex_);
  std::size_t turn_ SKEP_GUARDED_BY(mutex_) = 0;
  std::array<std::deque<std::function<void()>>, 3> queues_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::net
