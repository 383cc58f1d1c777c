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

  /// At a cap the connection whose time runs out first makes room: an idle or a half-sent one.
  /// False when all are at work; then the caller closes the new one.
  bool add(const std::shared_ptr<Session>& session) {
    const std::lock_guard lock(mutex_);
    const auto same = per_address_.find(session->address());
    const bool address_full = same != per_address_.end() && same->second >= cap_per_address_;
    if ((address_full || all_.size() >= cap_) &&
        !make_room(address_full ? &session->address() : nullptr))
      return false;
    ++per_address_[session->address()];
    all_.insert(session);
    return true;
  }

  void remove(const std::shared_ptr<Session>& session) {
    const std::lock_guard lock(mutex_);
    if (leaving_.erase(session) == 0) forget(session);
    if (all_.empty() && leaving_.empty()) empty_.notify_all();
  }

  /// `visit` runs under the lock.
  template <class Visit>
  void for_each(const Visit& visit) const {
    const std::lock_guard lock(mutex_);
    for (const std::shared_ptr<Session>& session : all_) visit(*session);
    for (const std::shared_ptr<Session>& session : leaving_) visit(*session);
  }

  /// False when connections are left after `limit`.
  bool wait_empty(Millis limit) const {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, limit, [this] { return all_.empty() && leaving_.empty(); });
  }

 private:
  bool make_room(const asio::ip::address* address) {
    std::shared_ptr<Session> first;
    for (const std::shared_ptr<Session>& session : all_)
      if ((address == nullptr || session->address() == *address) && session->is_reading() &&
          (first == nullptr || session->deadline() < first->deadline()))
        first = session;
    if (first == nullptr) return false;
    first->make_room();
    forget(first);
    leaving_.insert(first);
    return true;
  }

  void forget(const std::shared_ptr<Session>& session) {
    all_.erase(session);
    const auto count = per_address_.find(session->address());
    if (--count->second == 0) per_address_.erase(count);
  }

  const std::size_t cap_;
  const std::size_t cap_per_address_;
  mutable std::mutex mutex_;
  mutable std::condition_variable empty_;
  std::unordered_set<std::shared_ptr<Session>> all_;
  std::unordered_set<std::shared_ptr<Session>> leaving_;  ///< told to go, not counted any more
  std::map<asio::ip::address, std::size_t> per_address_;
};

}  // namespace skep::net
