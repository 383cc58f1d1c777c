#include "core/control/tasks/retention.hpp"

#include <utility>

#include "core/base/log.hpp"
#include "core/control/reconciler.hpp"
#include "core/control/tasks/result_service.hpp"

namespace skep::control {
namespace {

constexpr std::uint32_t kPurgedAtOnce = 500;
constexpr Millis kBetweenRounds{60'000};
/// Between two batches, so that claims and results are not kept waiting.
constexpr Millis kBetweenBatches{50};

}  // namespace

void Retention::set_keep(std::int64_t keep_ms) {
  if (keep_ms_.exchange(keep_ms) == keep_ms) return;
  const MutexLock lock(mutex_);
  changed_ = true;
  change_.notify_all();
}

Result<std::size_t> Retention::step() {
  const std::int64_t keep = keep_ms_;
  if (keep == 0) return std::size_t{0};
  const auto now = platform_.settled.now();
  if (!now) return now.error();
  const WallMs before = *now - keep;
  const auto applied = Reconciler::cursor(platform_.store);
  if (!applied) return applied.error();
  const auto tasks = platform_.queue.purge(before, *applied, kPurgedAtOnce);
  if (!tasks) return tasks.error();
  const auto logs = ResultService::forget_logs(platform_.store, before, kPurgedAtOnce);
  if (!logs) return logs.error();
  return *tasks + *logs;
}

/// Ends early when `keep` changes.
void Retention::pause(Millis time, const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + time;
  MutexLock lock(mutex_);
  while (!changed_ && change_.wait_until(lock, stop, until)) {
  }
  changed_ = false;
}

void Retention::run(std::stop_token stop) {
  std::size_t total = 0;
  while (!stop.stop_requested()) {
    const auto removed = step();
    if (!removed)
      log::warn("retention_failed", {{"error", removed.error().message}});
    else if (total += *removed; *removed == 0 && total > 0)
      log::info("history_forgotten", {{"rows", std::exchange(total, 0)}});
    pause(removed && *removed > 0 ? kBetweenBatches : kBetweenRounds, stop);
  }
}

}  // namespace skep::control
