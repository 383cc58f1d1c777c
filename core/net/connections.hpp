// The connections of a server and their caps. Private to core/net. [any]
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "core/net/session.hpp"

namespace skep::net {

class Connections {
 public:
  Connections(std::size_t cap, std::size_t cap_per_address)
      : cap_(cap), cap_per_address_(cap_per_address) {}

  /// False when a cap is reached; then the caller closes the connection.
  bool add(const std::shared_ptr<Session>& session) {
    const std::lock_guard lock(mutex_);
    if (all_.size() >= cap_) return false;
    std::size_t& same_address = per_address_[session->address()];
    if (same_address >= cap_per_address_) return false;
    ++same_address;
    all_.insert(session);
    return true;
  }

  void remove(const std::shared_ptr<Session>& session) {
    const std::lock_guard lock(mutex_);
    all_.erase(session);
    const auto count = per_address_.find(session->address());
    if (--count->second == 0) per_address_.erase(count);
    if (all_.empty()) empty_.notify_all();
  }

  /// `visit` runs under the lock.
  template <class Visit>
  void for_each(const Visit& visit) const {
    const std::lock_guard lock(mutex_);
    for (const std::shared_ptr<Session>& session : all_) visit(*session);
  }

  /// False when connections are left after `limit`.
  bool wait_empty(Millis limit) const {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, limit, [this] { return all_.empty(); });
  }

 private:
  const std::size_t cap_;
  const std::size_t cap_per_address_;
  mutable std::mutex mutex_;
  mutable std::condition_variable empty_;
  std::unordered_set<std::shared_ptr<Session>> all_;
  std::map<asio::ip::address, std::size_t> per_address_;
};

}  // namespace skep::net
