// Requests that wait without a thread have a cap of their own, so that however many of them there
// are, others get a connection. Private to core/net. [any]
#pragma once

#include <cstddef>
#include <map>

#include "core/base/mutex.hpp"

namespace skep::net {

template <class Address>
class Parking {
 public:
  /// An eighth of the connections is never parked.
  explicit Parking(std::size_t max_connections) : free_(max_connections - max_connections / 8) {}

  /// False: no room; then the request must be answered. True: leave() follows.
  bool enter(const Address& from) {
    const MutexLock lock(mutex_);
    if (free_ == 0) return false;
    --free_;
    ++by_address_[from];
    return true;
  }
  void leave(const Address& from) {
    const MutexLock lock(mutex_);
    ++free_;
    const auto count = by_address_.find(from);
    if (--count->second == 0) by_address_.erase(count);
  }
  std::size_t of(const Address& from) const {
    const MutexLock lock(mutex_);
    const auto count = by_address_.find(from);
    return count == by_address_.end() ? 0 : count->second;
  }

 private:
  mutable Mutex mutex_;
  std::size_t free_ SKEP_GUARDED_BY(mutex_);
  std::map<Address, std::size_t> by_address_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::net
