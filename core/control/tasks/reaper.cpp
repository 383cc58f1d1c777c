#include "core/control/tasks/reaper.hpp"

#include <algorithm>
#include <random>

#include "core/api/task_json.hpp"
#include "core/base/log.hpp"
#include "core/model/transitions.hpp"

namespace skep::control {
namespace {

constexpr Millis kTick{250};
constexpr Millis kFlush{5'000};

}  // namespace

Reaper::Reaper(Platform& platform, WorkerDirectory& workers, ReaperOptions options)
    : Service("reaper"),
      queue_(platform.queue),
      waits_(platform.waits),
      clock_(platform.clock),
      workers_(workers),
      options_(options),
      started_ms_(clock_.wall_ms()) {}

Result<std::size_t> Reaper::give_up(WallMs cutoff, const std::string& worker_id,
                                    const std::string& incarnation) {
  const auto tasks = queue_.overdue(cutoff, worker_id, incarnation);
  if (!tasks) return tasks.error();
  if (tasks->empty()) return std::size_t{0};
  std::random_device random;
  const RetryPolicy retry = options_.get().retry;
  std::vector<ports::Loss> losses;
  for (const auto& t : *tasks) {
    const bool crashed = !worker_id.empty() && t.worker_id == worker_id;
    losses.push_back(
        {{t.id, t.attempt, t.lease_id},
         crashed,
         model::backoff_ms(t.attempt, 0, random(), retry.base_ms, retry.cap_ms),
         retry.max_crashes,
         crashed ? api::task_error("worker_crashed", "worker " + t.worker_id +
                                                         " restarted while it ran attempt " +
                                                         std::to_string(t.attempt))
                 : api::task_error("worker_lost", "worker " + t.worker_id +
                                                      " was silent for too long during attempt " +
                                                      std::to_string(t.attempt))});
  }
  const WallMs now = clock_.wall_ms();
  const auto verdicts = queue_.lose(now, cutoff, losses);
  if (!verdicts) return verdicts.error();
  std::size_t lost = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if ((*verdicts)[i] != ports::LeaseVerdict::kHeld) continue;
    ++lost;
    const auto& t = (*tasks)[i];
    workers_.void_lease(t.worker_id, t.lease_id);
    log::warn("task_lost", {{"task_id", t.id},
                            {"attempt", t.attempt},
                            {"worker_id", t.worker_id},
                            {"crashed", losses[i].crashed}});
  }
  waits_.tasks.wake_all();
  return lost;
}

Result<std::size_t> Reaper::worker_restarted(const std::string& worker_id,
                                             const std::string& incarnation) {
  return give_up(0, worker_id, incarnation);
}

Status Reaper::sweep(WallMs now) {
  const auto before = queue_.wait(Millis{0}, version_);
  if (!before) return before.error().within("tick");
  const auto next = queue_.tick(now);
  if (!next) return next.error().within("tick");
  const auto after = queue_.wait(Millis{0}, *before);
  if (!after) return after.error().within("tick");
  version_ = *after;
  if (*after != *before) {
    waits_.claims.wake_all();
    waits_.tasks.wake_all();
  }
  const ReaperOptions options = options_.get();
  if (now < last_sweep_ms_ + options.interval_ms || now < started_ms_ + options.grace_ms) return {};
  last_sweep_ms_ = now;
  const auto lost = give_up(now - options.lost_after_ms, "", "");
  return lost ? Status{} : Status{lost.error().within("sweep")};
}

Status Reaper::health() const {
  const MutexLock lock(mutex_);
  return health_;
}

Status Reaper::round() {
  const WallMs now = clock_.wall_ms();
  if (now >= next_flush_ms_) {
    next_flush_ms_ = now + kFlush.count();
    flushed_ = workers_.flush();
  }
  Status done = sweep(now);
  if (done) done = flushed_;
  const MutexLock lock(mutex_);
  health_ = done;
  return done;
}

void Reaper::run(std::stop_token stop) {
  std::string last_error;
  while (!stop.stop_requested()) {
    const Status done = round();
    const std::string error = done ? "" : done.error().message;
    if (error != last_error && !error.empty()) log::error("reaper_failed", {{"error", error}});
    last_error = error;
    clock_.sleep(kTick, stop);
  }
  if (const auto done = workers_.flush(); !done)
    log::error("worker_flush_failed", {{"error", done.error().message}});
}

}  // namespace skep::control
