#include "core/control/events/event_retention.hpp"

namespace skep::control {
namespace {

constexpr std::int64_t kEventsAtOnce = 1'000;

}  // namespace

Result<std::size_t> EventRetention::step() {
  const Limits limits = limits_.get();
  const auto newest = store_.query({"SELECT newest FROM event_sequence"});
  if (!newest) return newest.error();
  const auto oldest = store_.query(
      {"SELECT sequence, at_ms FROM events ORDER BY sequence LIMIT $1", {kEventsAtOnce}});
  if (!oldest) return oldest.error();
  const std::int64_t too_many = newest->empty() ? 0 : ports::as_int((*newest)[0][0]) - limits.most;
  const auto now = settled_.now();
  if (!now) return now.error();
  const WallMs too_old = limits.keep_ms == 0 ? 0 : *now - limits.keep_ms;
  std::int64_t through = 0;
  std::size_t count = 0;
  for (const auto& row : *oldest) {
    if (ports::as_int(row[0]) > too_many && ports::as_int(row[1]) >= too_old) break;
    through = ports::as_int(row[0]);
    ++count;
  }
  if (count == 0) return count;
  const ports::Statement forget{"DELETE FROM events WHERE sequence <= $1", {through}};
  if (const auto done = store_.batch({&forget, 1}); !done) return done.error();
  return count;
}

}  // namespace skep::control
