#include "core/base/events.hpp"

#include <algorithm>
#include <chrono>
#include <deque>

#include "core/base/mutex.hpp"

#include "core/base/id.hpp"

namespace skep::events {
namespace {

constexpr std::size_t kKept = 1024;

struct Ring {
  Mutex mutex;
  StoppableCondVar grew;
  std::deque<Event> events SKEP_GUARDED_BY(mutex);
  std::uint64_t newest SKEP_GUARDED_BY(mutex) = 0;
  std::map<std::string, std::uint64_t> counts SKEP_GUARDED_BY(mutex);
};

Ring& ring() {
  static auto* the = new Ring;  // threads may publish until the process ends
  return *the;
}

}  // namespace

void publish(log::Level level, std::string_view name, std::initializer_list<log::Field> fields) {
  log::write(level, name, fields);
  Event event{0, SystemClock{}.wall_ms(), std::string(name), log::to_json(fields)};
  Ring& r = ring();
  const MutexLock lock(r.mutex);
  event.id = ++r.newest;
  ++r.counts[event.name];
  r.events.push_back(std::move(event));
  if (r.events.size() > kKept) r.events.pop_front();
  r.grew.notify_all();
}

std::vector<Event> since(std::uint64_t id, std::size_t max, Millis timeout, std::stop_token stop) {
  Ring& r = ring();
  const auto until = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(r.mutex);
  while (r.newest <= id && r.grew.wait_until(lock, stop, until)) {
  }
  std::vector<Event> out;
  for (const Event& event : r.events)
    if (event.id > id && out.size() < max) out.push_back(event);
  return out;
}

std::uint64_t newest() {
  Ring& r = ring();
  const MutexLock lock(r.mutex);
  return r.newest;
}

std::map<std::string, std::uint64_t> counts() {
  Ring& r = ring();
  const MutexLock lock(r.mutex);
  return r.counts;
}

bool is_pattern(std::string_view text) {
  if (text.starts_with('!')) text.remove_prefix(1);
  const bool open = text.ends_with('*');
  if (open) text.remove_suffix(1);
  return is_name(text) || (open && text.empty());
}

bool matches(std::span<const std::string> patterns, std::string_view name) {
  const auto says = [&](std::string_view p) {
    return p.ends_with('*') ? name.starts_with(p.substr(0, p.size() - 1)) : name == p;
  };
  bool meant = false;
  for (const std::string_view p : patterns) {
    if (p.starts_with('!') && says(p.substr(1))) return false;
    meant = meant || (!p.starts_with('!') && says(p));
  }
  return meant;
}

}  // namespace skep::events
