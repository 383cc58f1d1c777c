#include "core/control/tasks/reaper.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <tuple>

#include "core/api/task_json.hpp"
#include "core/base/log.hpp"
#include "core/model/transitions.hpp"

namespace skep::control {
namespace {

constexpr Millis kTick{250};
constexpr Millis kFlush{5'000};
/// When it is not known who may run what is due.
constexpr Millis kBetweenWakes{1'000};
/// Below it a clock is slewed, not set.
constexpr std::int64_t kClockStep = 1'000;
constexpr std::uint32_t kHeldAtOnce = 500;
constexpr std::uint32_t kDueAtOnce = 1'000;
constexpr std::size_t kDueBytes = 4u << 20;

/// Which of `tasks`, all of one dead process, can have been running: those that it said it started,
/// and the next ones up to its slots, in the order in which it got them. They come first.
std::vector<model::Task>::iterator sort_by_guilt(std::vector<model::Task>::iterator first,
                                                 std::vector<model::Task>::iterator last,
                                                 int slots) {
  std::sort(first, last, [](const model::Task& a, const model::Task& b) {
    return std::tuple(a.started_ms == 0, a.claimed_ms, -a.spec.priority, a.seq) <
           std::tuple(b.started_ms == 0, b.claimed_ms, -b.spec.priority, b.seq);
  });
  const auto said =
      std::count_if(first, last, [](const model::Task& t) { return t.started_ms > 0; });
  return first + std::min(last - first, std::max<std::ptrdiff_t>(said, slots));
}

}  // namespace

Reaper::Reaper(Platform& platform, WorkerDirectory& workers, WaitingClaims& waiting,
               ReaperOptions options)
    : Service("reaper"),
      queue_(platform.queue),
      waits_(platform.waits),
      waiting_(waiting),
      clock_(platform.clock),
      workers_(workers),
      options_(options),
      started_ms_(clock_.mono_ms()) {}

Result<std::size_t> Reaper::give_up(WallMs cutoff, const std::string& worker_id,
                                    const std::string& incarnation, int slots) {
  for (std::size_t lost = 0;;) {
    auto tasks = queue_.overdue(cutoff, worker_id, incarnation);
    if (!tasks) return tasks.error();
    const auto held_by_it = std::partition(tasks->begin(), tasks->end(), [&](const auto& t) {
      return worker_id.empty() || t.worker_id != worker_id;
    });
    const auto innocent = sort_by_guilt(held_by_it, tasks->end(), slots);
    const auto silent = lose(cutoff, {tasks->begin(), held_by_it}, false);
    if (!silent) return silent;
    const auto crashed = lose(cutoff, {held_by_it, innocent}, true);
    if (!crashed) return crashed;
    const auto back = give_back({innocent, tasks->end()});
    if (!back) return back;
    const std::size_t done = *silent + *crashed + *back;
    if (done == 0) return lost;
    lost += done;
  }
}

Result<std::size_t> Reaper::lose(WallMs cutoff, std::span<const model::Task> tasks, bool crashed) {
  if (tasks.empty()) return std::size_t{0};
  std::random_device random;
  const RetryPolicy retry = options_.get().retry;
  std::vector<ports::Loss> losses;
  for (const auto& t : tasks)
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
  const auto verdicts = queue_.lose(clock_.wall_ms(), cutoff, losses);
  if (!verdicts) return verdicts.error();
  std::size_t lost = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if ((*verdicts)[i] != ports::LeaseVerdict::kHeld) continue;
    ++lost;
    workers_.void_lease(tasks[i].worker_id, tasks[i].lease_id);
    log::warn("task_lost", {{"task_id", tasks[i].id},
                            {"attempt", tasks[i].attempt},
                            {"worker_id", tasks[i].worker_id},
                            {"crashed", crashed}});
  }
  return lost;
}

Result<std::size_t> Reaper::give_back(std::span<const model::Task> tasks) {
  if (tasks.empty()) return std::size_t{0};
  std::vector<model::Lease> leases;
  for (const auto& t : tasks) leases.push_back({t.id, t.attempt, t.lease_id});
  const auto verdicts = queue_.release(clock_.wall_ms(), leases);
  if (!verdicts) return verdicts.error();
  std::vector<model::Task> free;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if ((*verdicts)[i] != ports::LeaseVerdict::kHeld) continue;
    workers_.void_lease(tasks[i].worker_id, tasks[i].lease_id);
    free.push_back(tasks[i]);
  }
  waiting_.announce(free);
  return free.size();
}

Result<std::size_t> Reaper::worker_restarted(const std::string& worker_id,
                                             const std::string& incarnation, int slots) {
  return give_up(0, worker_id, incarnation, slots);
}

Result<std::size_t> Reaper::worker_removed(const std::string& worker_id) {
  for (std::size_t all = 0;;) {
    auto tasks = queue_.overdue(0, worker_id, "");
    if (!tasks) return tasks.error();
    std::erase_if(*tasks, [&](const auto& t) { return t.worker_id != worker_id; });
    const auto back = give_back(*tasks);
    if (!back) return back;
    if (*back == 0) return all;
    all += *back;
  }
}

/// Prolongs every lease that ends after that instant to its full time from now on.
Status Reaper::grant_anew(WallMs now, WallMs ending_after) {
  ports::TaskQuery query;
  query.states = {model::TaskState::kClaimed, model::TaskState::kExecuting,
                  model::TaskState::kSuspect};
  query.newest_first = false;
  query.limit = kHeldAtOnce;
  query.max_bytes = kDueBytes;
  for (;;) {
    const auto held = queue_.read(query);
    if (!held) return held.error();
    if (held->empty()) return {};
    std::vector<ports::Renewal> renewals;
    for (const auto& t : *held)
      if (t.lease_expires_ms > ending_after)
        renewals.push_back({{t.id, t.attempt, t.lease_id}, t.started_ms > 0});
    if (!renewals.empty()) {
      const auto renewed = queue_.renew(now, renewals, options_.get().lease_ms);
      if (!renewed) return renewed.error();
    }
    query.after_seq = held->back().seq;
  }
}

Status Reaper::follow_clock(WallMs now, MonoMs mono) {
  const std::int64_t offset = now - mono;
  if (!wall_offset_) {  // it may have been set while nobody looked
    SKEP_TRY(grant_anew(now, now + options_.get().lease_ms));
    workers_.forget_future(now);
  } else if (const std::int64_t by = offset - *wall_offset_; std::abs(by) >= kClockStep) {
    log::warn("clock_set", {{"by_ms", by}, {"effect", "leases are granted anew"}});
    SKEP_TRY(grant_anew(now, INT64_MIN));
    workers_.shift(by);
    waits_.claims.wake_all();
  }
  wall_offset_ = offset;
  return {};
}

Result<std::vector<model::Task>> Reaper::due(WallMs now) {
  ports::TaskQuery query;
  query.states = {model::TaskState::kWaiting};
  query.newest_first = false;
  query.limit = kDueAtOnce;
  query.max_bytes = kDueBytes;
  auto waiting = queue_.read(query);
  if (!waiting) return waiting.error();
  std::size_t bytes = 0;
  for (const auto& t : *waiting) bytes += model::weight(t);
  if (waiting->size() == kDueAtOnce || bytes >= kDueBytes)
    return Error{Code::kBusy, "many tasks wait for their time"};
  std::erase_if(*waiting, [&](const auto& t) { return t.spec.run_at_ms > now; });
  return waiting;
}

/// Whoever may run what becomes due is woken, also when the queue failed halfway: what was left
/// over is due in the next round again.
Status Reaper::tick(WallMs now) {
  const auto next = queue_.tick(0, clock_.mono_ms());  // moves nothing
  if (!next) return next.error();
  const bool anything = *next != 0 && *next <= now;
  const auto ready = anything ? due(now) : std::vector<model::Task>{};
  const auto moved = queue_.tick(now, clock_.mono_ms());
  if (ready) waiting_.announce(*ready);
  owes_everybody_ = owes_everybody_ || !ready;
  if (owes_everybody_ && clock_.mono_ms() >= next_to_everybody_) {
    owes_everybody_ = false;
    next_to_everybody_ = clock_.mono_ms() + kBetweenWakes.count();
    waits_.claims.wake_all();
  }
  return moved ? Status{} : Status{moved.error()};
}

Status Reaper::sweep(WallMs now, MonoMs mono) {
  if (const Status ticked = tick(now); !ticked) return ticked.error().within("tick");
  const ReaperOptions options = options_.get();
  if (mono < last_sweep_ms_ + options.interval_ms || mono < started_ms_ + options.grace_ms)
    return {};
  last_sweep_ms_ = mono;
  const auto lost = give_up(now - options.lost_after_ms, "", "", 0);
  return lost ? Status{} : Status{lost.error().within("sweep")};
}

Status Reaper::health() const {
  const MutexLock lock(mutex_);
  return health_;
}

Status Reaper::round() {
  const WallMs now = clock_.wall_ms();
  const MonoMs mono = clock_.mono_ms();
  Status done = follow_clock(now, mono);
  if (mono >= next_flush_ms_) {
    next_flush_ms_ = mono + kFlush.count();
    flushed_ = workers_.flush();
  }
  if (done) done = sweep(now, mono);
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
