#include "core/net/http.hpp"

namespace skep::net {

std::uint64_t WaitList::stamp(std::string_view key) const {
  return everybody_ + wakes_[std::hash<std::string_view>{}(key) % wakes_.size()];
}

std::uint64_t WaitList::ticket(std::string_view key) const {
  const MutexLock lock(mutex_);
  return stamp(key);
}

std::uint64_t WaitList::add(std::string key, std::uint64_t ticket, Waker waker) {
  {
    const MutexLock lock(mutex_);
    if (ticket == stamp(key)) {
      const std::uint64_t id = ++last_id_;
      const auto by_key = keys_.emplace(std::move(key), id);
      entries_.emplace(id, Entry{by_key, std::move(waker)});
      return id;
    }
  }
  waker();
  return 0;
}

bool WaitList::remove(std::uint64_t id) {
  const MutexLock lock(mutex_);
  const auto at = entries_.find(id);
  if (at == entries_.end()) return false;
  keys_.erase(at->second.by_key);
  entries_.erase(at);
  return true;
}

std::size_t WaitList::wake(const std::string& key) {
  std::vector<Waker> wakers;
  {
    const MutexLock lock(mutex_);
    ++wakes_[std::hash<std::string_view>{}(key) % wakes_.size()];
    const auto [first, last] = keys_.equal_range(key);
    for (auto at = first; at != last; ++at) {
      const auto entry = entries_.find(at->second);
      wakers.push_back(std::move(entry->second.waker));
      entries_.erase(entry);
    }
    keys_.erase(first, last);
  }
  for (const Waker& waker : wakers) waker();
  return wakers.size();
}

std::size_t WaitList::wake_all() {
  std::unordered_map<std::uint64_t, Entry> woken;
  {
    const MutexLock lock(mutex_);
    ++everybody_;
    keys_.clear();
    woken.swap(entries_);
  }
  for (const auto& [id, entry] : woken) entry.waker();
  return woken.size();
}

std::size_t WaitList::size() const {
  const MutexLock lock(mutex_);
  return entries_.size();
}

}  // namespace skep::net
