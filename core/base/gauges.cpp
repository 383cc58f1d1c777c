#include "core/base/gauges.hpp"

#include <algorithm>
#include <map>

#include "core/base/mutex.hpp"

namespace skep::gauges {
namespace {

constexpr std::size_t kMaxNames = 64;
constexpr std::size_t kMaxName = 64;

struct Board {
  using Values = std::map<std::string, double, std::less<>>;
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

}  // namespace

void set(std::string_view owner, std::string_view name, double value) {
  if (!is_name(name)) return;
  Board& b = board();
  const MutexLock lock(b.mutex);
  auto values = b.owners.find(owner);
  if (values == b.owners.end()) values = b.owners.emplace(owner, Board::Values()).first;
  const auto known = values->second.find(name);
  if (known != values->second.end())
    known->second = value;
  else if (values->second.size() < kMaxNames)
    values->second.emplace(name, value);
}

std::vector<Gauge> all() {
  Board& b = board();
  const MutexLock lock(b.mutex);
  std::vector<Gauge> out;
  for (const auto& [owner, values] : b.owners)
    for (const auto& [name, value] : values) out.push_back({owner, name, value});
  return out;
}

}  // namespace skep::gauges
