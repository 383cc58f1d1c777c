#include "core/net/http.hpp"

namespace skep::net {

std::uint64_t WaitList::ticket() const {
  const MutexLock lock(mutex_);
  return epoch_;
}

std::uint64_t WaitList::add(std::string key, std::uint64_t ticket, Waker waker) {
  const MutexLock lock(mutex_);
  if (ticket != epoch_) {
    waker();
    return 0;
  }
  const std::uint64_t id = next_id_++;
  entries_.emplace(id, Entry{std::move(key), std::move(waker)});
  return id;
}

void WaitList::remove(std::uint64_t id) {
  const MutexLock lock(mutex_);
  entries_.erase(id);
}

std::size_t WaitList::wake(const std::function<bool(std::string_view key)>& match,
                           std::size_t max) {
  const MutexLock lock(mutex_);
  ++epoch_;
  std::size_t woken = 0;
  for (auto it = entries_.begin(); it != entries_.end() && woken < max;) {
    if (!match(it->second.key)) {
      ++it;
      continue;
    }
    it->second.waker();
    it = entries_.erase(it);
    ++woken;
  }
  return woken;
}

void WaitList::wake_all() {
  wake([](std::string_view) { return true; });
}

std::size_t WaitList::size() const {
  const MutexLock lock(mutex_);
  return entries_.size();
}

}  // namespace skep::net
