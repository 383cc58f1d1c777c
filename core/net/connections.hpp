// The connections of a server and their caps. Private to core/net. [any]
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <unordered_set>

#include "core/base/mutex.hpp"
#include "core/net/session.hpp"

namespace skep::net {

class Connections {
 public:
  /// `parking` must outlive it.
  Connections(std::size_t cap, std::size_t cap_per_address,
              const Parking<asio::ip::address>& parking)
      : cap_(cap), cap_per_address_(cap_per_address), parking_(parking) {}

  /// At a cap the connection whose time runs out first makes room: an idle or a half-sent one. When
  /// there is none, the one whose request has waited longest, which does not count against the cap
  /// of its address. False when all are at work; then the caller closes the new one.
  bool add(const std::shared_ptr<Session>& session) {
    const MutexLock lock(mutex_);
    const auto same = per_address_.find(session->address());
    const bool address_full = same != per_address_.end() &&
                              same->second >= cap_per_address_ + parking_.of(session->address());
    if ((address_full || all_.size() >= cap_) &&
        !make_room(address_full ? &session->address() : nullptr))
      return false;
    ++per_address_[session->address()];
    all_.insert(session);
    return true;
  }

  void remove(const std::shared_ptr<Session>& session) {
    const MutexLock lock(mutex_);
    if (leaving_.erase(session) == 0) forget(session);
    if (none_left()) empty_.notify_all();
  }

  /// `visit` runs under the lock.
  template <class Visit>
  void for_each(const Visit& visit) const {
    const MutexLock lock(mutex_);
    for (const std::shared_ptr<Session>& session : all_) visit(*session);
    for (const std::shared_ptr<Session>& session : leaving_) visit(*session);
  }

  /// False when connections are left after `limit`.
  bool wait_empty(Millis limit) const {
    const auto until = std::chrono::steady_clock::now() + limit;
    MutexLock lock(mutex_);
    while (!none_left() && empty_.wait_until(lock, until)) {
    }
    return none_left();
  }

 private:
  bool none_left() const SKEP_REQUIRES(mutex_) { return all_.empty() && leaving_.empty(); }

  bool make_room(const asio::ip::address* address) SKEP_REQUIRES(mutex_) {
    std::shared_ptr<Session> first;
    std::shared_ptr<Session> longest;
    for (const std::shared_ptr<Session>& session : all_) {
      if (address != nullptr && session->address() != *address) continue;
      if (session->is_reading() && (first == nullptr || session->deadline() < first->deadline()))
        first = session;
      const MonoMs since = session->parked_since();
      if (since != Session::kNever && (longest == nullptr || since < longest->parked_since()))
        longest = session;
    }
    if (first == nullptr && address == nullptr) first = longest;
    if (first == nullptr) return false;
    first->make_room();
    forget(first);
    leaving_.insert(first);
    return true;
  }

  void forget(const std::shared_ptr<Session>& session) SKEP_REQUIRES(mutex_) {
    all_.erase(session);
    const auto count = per_address_.find(session->address());
    if (--count->second == 0) per_address_.erase(count);
  }

  const std::size_t cap_;
  const std::size_t cap_per_address_;
  const Parking<asio::ip::address>& parking_;
  mutable Mutex mutex_;
  mutable CondVar empty_;
  std::unordered_set<std::shared_ptr<Session>> all_ SKEP_GUARDED_BY(mutex_);
  /// Told to go, not counted any more.
  std::unordered_set<std::shared_ptr<Session>> leaving_ SKEP_GUARDED_BY(mutex_);
  std::map<asio::ip::address, std::size_t> per_address_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::net
