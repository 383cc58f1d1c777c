#include "core/worker/heartbeat_loop.hpp"

#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::worker {
namespace {

constexpr double kLongestInterval = 3600;
constexpr std::size_t kShown = 300;  ///< bytes of a stranger's answer

std::int64_t rss_bytes() {
  std::istringstream statm(read_file("/proc/self/statm", 4096).value_or(""));
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

HeartbeatLoop::HeartbeatLoop(HeartbeatOptions options, ports::Heartbeat& heartbeat,
                             Endpoints& endpoints, Executor& executor, ports::Spool& spool,
                             Membership& membership, Clock& clock)
    : Service("skep-beat"),
      options_(std::move(options)),
      heartbeat_(heartbeat),
      endpoints_(endpoints),
      executor_(executor),
      spool_(spool),
      membership_(membership),
      clock_(clock),
      interval_(options_.interval) {}

void HeartbeatLoop::task_started() {
  if (look_planned_.exchange(true)) return;
  const MutexLock lock(mutex_);
  woken_ = true;
  wake_.notify_all();
}

void HeartbeatLoop::set_interval(Millis interval) {
  if (interval.count() <= 0) return;
  const MutexLock lock(mutex_);
  interval_ = interval;
  woken_ = true;
  wake_.notify_all();
}

void HeartbeatLoop::take_interval(double seconds) {
  if (seconds > 0 && seconds <= kLongestInterval)
    set_interval(Millis{static_cast<std::int64_t>(seconds * 1000)});
}

void HeartbeatLoop::hasten() {
  const MutexLock lock(mutex_);
  hastened_ = woken_ = true;
  wake_.notify_all();
}

void HeartbeatLoop::run(std::stop_token stop) {
  MonoMs last = clock_.mono_ms() - options_.interval.count();
  bool answered = true;
  while (!stop.stop_requested()) {
    if (!membership_.registered()) {
      membership_.wait_change(options_.interval, stop);
      continue;
    }
    if (!wait_for_beat(last, answered, stop)) continue;
    answered = beat(false, options_.timeout);
    last = clock_.mono_ms();
  }
}

/// False when something may have changed and the time has to be looked at again.
bool HeartbeatLoop::wait_for_beat(MonoMs last, bool answered, std::stop_token stop) {
  MutexLock lock(mutex_);
  woken_ = false;
  look_planned_ = false;  // before the look: a start after it wakes us
  const MonoMs oldest = executor_.oldest_unannounced();
  if (oldest != 0) look_planned_ = true;
  MonoMs next = last + interval_.count();
  // While nobody answers, an early beat would only repeat itself.
  if (oldest != 0 && answered) next = std::min(next, oldest + options_.early.count());
  const MonoMs now = clock_.mono_ms();
  if (std::exchange(hastened_, false) || next <= now) return true;
  const auto until = std::chrono::steady_clock::now() + Millis{next - now};
  while (!woken_ && wake_.wait_until(lock, stop, until)) {
  }
  return false;
}

api::Beat HeartbeatLoop::make_beat(bool draining) {
  api::Beat beat;
  beat.worker_id = options_.identity.worker_id;
  beat.incarnation = options_.identity.incarnation;
  beat.seq = ++seq_;
  beat.sent_ms = clock_.wall_ms();
  beat.tasks = executor_.held();
  for (ports::Renewal& renewal : options_.unwritten()) beat.tasks.push_back(std::move(renewal));
  const ExecutorLoad load = executor_.load();
  beat.pool_size = load.slots;
  beat.busy = load.busy;
  beat.waiting = load.waiting;
  beat.errors_total = load.errors;
  beat.rss_bytes = rss_bytes();
  beat.draining = draining;
  if (options_.troubles) beat.troubles = options_.troubles();
  if (options_.notices) beat.notices = options_.notices();
  if (options_.releases) beat.releases = options_.releases();
  const auto spool = spool_.stats();
  beat.spool_degraded = !spool || spool->degraded;
  if (!spool) return beat;
  beat.spool_ready = spool->ready;
  beat.spool_bytes = spool->ready_bytes;
  beat.spool_quarantined = spool->quarantined;
  beat.spool_rejected = spool->rejected;
  beat.spool_oldest_ms = spool->oldest_ms;
  return beat;
}

bool HeartbeatLoop::beat(bool draining, Millis timeout) {
  const api::Beat beat = make_beat(draining);
  const std::size_t endpoint = endpoints_.current();
  const auto reply = heartbeat_.beat(endpoints_.url(endpoint), endpoints_.credential().token(),
                                     api::encode(beat), timeout);
  if (!reply) {
    failed(reply.error(), endpoint);
    return false;
  }
  const auto answer = api::decode_beat_reply(*reply);
  if (!answer || answer->to != api::Addressee{beat.worker_id, beat.incarnation}) {
    failed(unavailable("no control plane of skep answers at " + endpoints_.url(endpoint) +
                       ", but something that says: " + to_utf8(clip_utf8(*reply, kShown))),
           endpoint);
    return false;
  }
  complaint_.reset();
  membership_.reached();
  executor_.announced(beat.tasks);
  if (!draining) apply(*answer);
  return true;
}

void HeartbeatLoop::last_beat(Millis timeout) {
  if (membership_.registered() && !membership_.conflicted()) beat(true, timeout);
}

void HeartbeatLoop::apply(const api::BeatReply& reply) {
  for (const auto& [lease, verdict] : reply.tasks)
    if (verdict != ports::LeaseVerdict::kHeld &&
        executor_.cancel(lease, ports::CancelReason::kLeaseLost))
      log::warn("lease_lost", {{"task_id", lease.task_id}, {"attempt", lease.attempt}});
  membership_.set_mode(reply.mode);
  if (options_.on_registry) options_.on_registry(reply.registry);
  take_interval(reply.heartbeat_interval_seconds);
}

void HeartbeatLoop::failed(const Error& error, std::size_t endpoint) {
  membership_.failed(error);
  if (membership_.conflicted()) return;
  if (error.code != Code::kNotFound && error.code != Code::kDenied) endpoints_.failed(endpoint);
  if (complaint_.due(clock_.mono_ms())) log::warn("heartbeat_failed", {{"error", error.message}});
}

}  // namespace skep::worker
