#include "core/base/gauges.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/mutex.hpp"

namespace skep::gauges {
namespace {

constexpr std::size_t kMaxNames = 64;
constexpr std::size_t kMaxName = 64;

struct Board {
  struct Value {
    double value = 0;
    bool counts = false;
  };
  using Values = std::map<std::string, Value, std::less<>>;
  Mutex mutex;
  std::map<std::string, Values, std::less<>> owners SKEP_GUARDED_BY(mutex);
};

Board& board() {
  static auto* the = new Board;  // threads may set gauges until the process ends
  return *the;
}

bool is_name(std::string_view s) {
  return !s.empty() && s.size() <= kMaxName && s.front() >= 'a' && s.front() <= 'z' &&
         std::all_of(s.begin(), s.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

/// Has `change(value)` change the value of that name and kind; makes it when there is room.
template <class Change>
void with_value(std::string_view owner, std::string_view name, bool counts, Change&& change) {
  if (!is_name(name)) return;
  Board& b = board();
  const MutexLock lock(b.mutex);
  auto values = b.owners.find(owner);
  if (values == b.owners.end()) values = b.owners.emplace(owner, Board::Values()).first;
  auto known = values->second.find(name);
  if (known == values->second.end()) {
    if (values->second.size() >= kMaxNames) return;
    known = values->second.emplace(name, Board::Value{0, counts}).first;
  }
  if (known->second.counts == counts) change(known->second.value);
}

}  // namespace

void set(std::string_view owner, std::string_view name, double value) {
  with_value(owner, name, false, [value](double& at) { at = value; });
}

void add(std::string_view owner, std::string_view name, double delta) {
  if (!(delta >= 0) || std::isinf(delta)) return;
  with_value(owner, name, true, [delta](double& at) { at += delta; });
}

std::vector<Gauge> all() {
  Board& b = board();
  const MutexLock lock(b.mutex);
  std::vector<Gauge> out;
  for (const auto& [owner, values] : b.owners)
    for (const auto& [name, v] : values) out.push_back({owner, name, v.value, v.counts});
  return out;
}

}  // namespace skep::gauges
