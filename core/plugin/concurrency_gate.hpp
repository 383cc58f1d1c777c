// Keeps a component at its max_concurrency.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"

namespace skep::plugin {

/// A counting gate whose wait can be cancelled through a descriptor. Two atomic operations when a
/// slot is free. [any]
class ConcurrencyGate {
 public:
  /// `slots` 0 = no limit.
  explicit ConcurrencyGate(std::int64_t slots);
  ConcurrencyGate(const ConcurrencyGate&) = delete;
  ConcurrencyGate& operator=(const ConcurrencyGate&) = delete;

  /// Takes a slot; waits until `deadline` (CLOCK_MONOTONIC ms, 0 = none) or until `cancel_fd` is
  /// readable. False when it got none.
  bool acquire(int cancel_fd, MonoMs deadline);
  void release();

 private:
  bool try_acquire();

  bool limited_;
  std::atomic<std::int64_t> free_;
  std::atomic<std::int64_t> waiters_{0};
  UniqueFd wakeups_;  ///< semaphore eventfd: one unit wakes one waiter, which then tries again
};

}  // namespace skep::plugin
