#include "core/conformance/memory_queue.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/base/id.hpp"
#include "core/model/placement.hpp"

namespace skep::conformance {
namespace {

using model::Event;
using model::Task;
using model::TaskState;
using model::Verdict;
using ports::Enqueued;
using ports::EnqueueVerdict;
using ports::LeaseVerdict;

constexpr std::int64_t kMaxDurationMs = 1'000'000'000'000;

bool fenced_by(const Task& t, const model::Lease& lease) {
  return t.attempt == lease.attempt && !lease.lease_id.empty() && t.lease_id == lease.lease_id;
}

bool same_work(const Task& a, const Task& b) {
  return a.spec.type == b.spec.type && a.spec.site == b.spec.site &&
         a.spec.target_worker == b.spec.target_worker &&
         a.spec.requirements == b.spec.requirements && a.spec.params == b.spec.params &&
         a.spec.idempotency_key == b.spec.idempotency_key && a.spec.priority == b.spec.priority &&
         a.spec.max_attempts == b.spec.max_attempts && a.spec.timeout_ms == b.spec.timeout_ms;
}

bool is_expired(const Task& t, WallMs now) {
  return t.spec.expires_ms > 0 && t.spec.expires_ms <= now;
}

Status check(const Task& t) {
  if (!is_name(t.id)) return invalid("the id \"" + t.id + "\" is not a name");
  if (t.spec.type.empty()) return invalid("the type is empty");
  if (t.spec.priority < 0 || t.spec.priority > 9) return invalid("the priority is not 0 to 9");
  if (t.spec.max_attempts < 1) return invalid("max_attempts is less than 1");
  return {};
}

Event event_of(const Task& t, const ports::ResultRecord& r) {
  if (r.outcome.kind == model::OutcomeKind::kSucceeded) return Event::kSucceed;
  if (r.outcome.kind == model::OutcomeKind::kCancelled) return Event::kStopped;
  if (r.retry_delay_ms < 0) return Event::kFail;
  return t.tries_used < t.spec.max_attempts ? Event::kRetry : Event::kExhaust;
}

}  // namespace

MemoryQueue::Entry* MemoryQueue::find(std::string_view id) {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

MemoryQueue::Entry* MemoryQueue::held_by(const model::Lease& lease, LeaseVerdict& verdict) {
  Entry* entry = find(lease.task_id);
  if (entry == nullptr) {
    verdict = LeaseVerdict::kUnknown;
    return nullptr;
  }
  const bool held = model::is_held(entry->task.state) && fenced_by(entry->task, lease);
  verdict = held ? LeaseVerdict::kHeld : LeaseVerdict::kLost;
  return held ? entry : nullptr;
}

bool MemoryQueue::advance(Entry& entry, Event event) {
  const auto to = model::next(entry.task.state, event);
  if (to) entry.task.state = *to;
  return to.has_value();
}

void MemoryQueue::announce() {
  ++version_;
  changed_.notify_all();
}

void MemoryQueue::end(WallMs finished, Entry& entry, std::string result, std::string error) {
  entry.task.finished_ms = finished;
  entry.task.lease_expires_ms = 0;
  entry.task.result = std::move(result);
  entry.task.error = std::move(error);
  completions_.push_back({++last_completion_, entry.task});
}

void MemoryQueue::end_attempt(Entry& entry, std::string_view outcome, const std::string& error,
                              WallMs finished) {
  ports::AttemptRow& row = entry.attempts.back();
  row.outcome = outcome;
  row.error = error;
  row.started_ms = entry.task.started_ms;
  row.finished_ms = finished;
}

Enqueued MemoryQueue::add(WallMs now, const Task& task) {
  const auto standing = [&](const Entry& holder) -> Enqueued {
    const bool same = same_work(holder.task, task);
    return {same ? EnqueueVerdict::kExists : EnqueueVerdict::kConflict, holder.task.id};
  };
  const std::string& key = task.spec.idempotency_key;
  if (const auto it = by_key_.find(key); !key.empty() && it != by_key_.end())
    return standing(*it->second);
  if (const Entry* holder = find(task.id)) return standing(*holder);

  auto entry = std::make_unique<Entry>();
  Task& t = entry->task;
  t.id = task.id;
  t.spec = task.spec;
  t.seq = ++last_seq_;
  t.state = task.spec.run_at_ms > now ? TaskState::kWaiting : TaskState::kQueued;
  t.created_ms = task.created_ms != 0 ? task.created_ms : now;
  by_id_.emplace(t.id, entry.get());
  if (!key.empty()) by_key_.emplace(key, entry.get());
  entries_.push_back(std::move(entry));
  return {EnqueueVerdict::kEnqueued, task.id};
}

Result<std::vector<Enqueued>> MemoryQueue::enqueue(WallMs now, std::span<const Task> tasks) {
  for (const Task& task : tasks) SKEP_TRY(check(task));
  const MutexLock lock(mutex_);
  const std::size_t before = entries_.size();
  std::vector<Enqueued> out;
  for (const Task& task : tasks) out.push_back(add(now, task));
  const auto conflicts = [](const Enqueued& e) { return e.verdict == EnqueueVerdict::kConflict; };
  if (std::any_of(out.begin(), out.end(), conflicts))
    take_back(before);
  else
    announce();
  return out;
}

/// All but the first `count` tasks were never added.
void MemoryQueue::take_back(std::size_t count) {
  for (; entries_.size() > count; entries_.pop_back()) {
    const Task& task = entries_.back()->task;
    by_id_.erase(task.id);
    by_key_.erase(task.spec.idempotency_key);
  }
}

void MemoryQueue::lease_out(WallMs now, Entry& entry, const ports::ClaimFilter& filter) {
  Task& t = entry.task;
  advance(entry, Event::kClaim);
  ++t.attempt;
  ++t.tries_used;
  t.lease_id = (filter.claim_id.empty() ? "" : filter.claim_id + ".") + random_hex(16);
  t.worker_id = filter.worker.id;
  t.incarnation = filter.worker.incarnation;
  t.claimed_ms = now;
  t.started_ms = t.finished_ms = 0;
  t.lease_expires_ms = now + filter.lease_ms;
  entry.attempts.push_back({t.attempt, t.worker_id, t.incarnation, t.lease_id, "", "", now, 0, 0});
}

std::vector<Task> MemoryQueue::claimed_before(WallMs now, const ports::ClaimFilter& filter) {
  std::vector<Task> out;
  for (const auto& entry : entries_) {
    Task& t = entry->task;
    if (!model::is_held(t.state) || t.started_ms != 0 || t.worker_id != filter.worker.id ||
        t.incarnation != filter.worker.incarnation ||
        !t.lease_id.starts_with(filter.claim_id + "."))
      continue;
    advance(*entry, Event::kRenew);
    t.lease_expires_ms = now + filter.lease_ms;
    out.push_back(t);
  }
  return out;
}

Result<std::vector<Task>> MemoryQueue::claim(WallMs now, const ports::ClaimFilter& filter) {
  auto out = claim_now(now, filter);
  const auto told = after_claim;  // it may forget itself
  if (told) told();
  return out;
}

Result<std::vector<Task>> MemoryQueue::claim_now(WallMs now, const ports::ClaimFilter& filter) {
  if (filter.lease_ms <= 0) return invalid("lease_ms is not positive");
  const MutexLock lock(mutex_);
  if (filter.repeated)
    if (auto again = claimed_before(now, filter); !again.empty()) return again;
  std::vector<Entry*> ready;
  for (const auto& entry : entries_)
    if (entry->task.state == TaskState::kQueued && !why_not(entry->task.spec, filter.worker) &&
        !is_expired(entry->task, now))
      ready.push_back(entry.get());
  std::stable_sort(ready.begin(), ready.end(), [](const Entry* a, const Entry* b) {
    return a->task.spec.priority > b->task.spec.priority;
  });
  if (ready.size() > filter.max) ready.resize(filter.max);
  std::vector<Task> out;
  std::size_t bytes = 0;
  for (Entry* entry : ready) {
    if (filter.max_bytes > 0 && bytes >= filter.max_bytes) break;
    lease_out(now, *entry, filter);
    bytes += entry->task.spec.params.size();
    out.push_back(entry->task);
  }
  return out;
}

Result<std::vector<LeaseVerdict>> MemoryQueue::renew(WallMs now,
                                                     std::span<const ports::Renewal> renewals,
                                                     std::int64_t lease_ms) {
  if (lease_ms <= 0) return invalid("lease_ms is not positive");
  const MutexLock lock(mutex_);
  std::vector<LeaseVerdict> out;
  for (const ports::Renewal& r : renewals) {
    LeaseVerdict verdict{};
    if (Entry* entry = held_by(r.lease, verdict)) {
      if (!r.executing || !advance(*entry, Event::kStart)) advance(*entry, Event::kRenew);
      entry->task.lease_expires_ms = now + lease_ms;
      if (r.executing && entry->task.started_ms == 0)
        entry->task.started_ms = entry->attempts.back().started_ms = now;
    }
    out.push_back(verdict);
  }
  return out;
}

void MemoryQueue::apply(WallMs now, Entry& entry, const ports::ResultRecord& r) {
  Task& t = entry.task;
  const auto after = [&](WallMs from, std::int64_t duration) {
    const WallMs at = from + std::clamp<std::int64_t>(duration, 0, kMaxDurationMs);
    return std::max(t.created_ms, std::min(at, now));
  };
  t.started_ms = after(t.claimed_ms, r.outcome.queued_ms);
  const WallMs finished = after(t.started_ms, r.outcome.duration_ms);
  end_attempt(entry, model::to_string(r.outcome.kind), r.outcome.error, finished);
  advance(entry, event_of(t, r));
  if (t.state != TaskState::kWaiting)
    return end(finished, entry, r.outcome.result, r.outcome.error);
  t.spec.run_at_ms = now + r.retry_delay_ms;
  t.lease_id.clear();
  t.lease_expires_ms = 0;
  t.result = r.outcome.result;
  t.error = r.outcome.error;
}

Verdict MemoryQueue::judge(WallMs now, const ports::ResultRecord& r) {
  if (const auto it = bodies_.find(r.idempotency_key); it != bodies_.end())
    return it->second == r.body_sha256 ? Verdict::kDuplicate : Verdict::kKeyConflict;
  const auto keep = [&](Verdict v) SKEP_REQUIRES(mutex_) {
    bodies_.emplace(r.idempotency_key, r.body_sha256);
    received_.emplace_back(now, r.idempotency_key);
    return v;
  };
  Entry* entry = find(r.lease.task_id);
  if (entry == nullptr || r.lease.attempt < 1 || r.lease.attempt > entry->task.attempt)
    return keep(Verdict::kOrphanRecorded);
  const auto& row = entry->attempts[static_cast<std::size_t>(r.lease.attempt - 1)];
  if (row.lease_id != r.lease.lease_id) return keep(Verdict::kOrphanRecorded);
  if (row.worker_id != r.worker_id) return Verdict::kWrongWorker;
  if (!fenced_by(entry->task, r.lease) || !model::next(entry->task.state, event_of(entry->task, r)))
    return keep(Verdict::kSuperseded);
  const bool on_time = model::is_held(entry->task.state);
  apply(now, *entry, r);
  return keep(on_time ? Verdict::kApplied : Verdict::kAppliedLate);
}

Result<std::vector<Verdict>> MemoryQueue::complete(WallMs now,
                                                   std::span<const ports::ResultRecord> results) {
  if (complete_failure) return *complete_failure;
  for (const auto& r : results)
    if (r.idempotency_key.empty()) return invalid("a result has no idempotency_key");
  const MutexLock lock(mutex_);
  std::vector<Verdict> out;
  for (const ports::ResultRecord& r : results) out.push_back(judge(now, r));
  announce();
  return out;
}

Result<std::vector<LeaseVerdict>> MemoryQueue::release(WallMs now,
                                                       std::span<const model::Lease> leases) {
  const MutexLock lock(mutex_);
  std::vector<LeaseVerdict> out;
  for (const model::Lease& lease : leases) {
    LeaseVerdict verdict{};
    if (Entry* entry = held_by(lease, verdict)) {
      end_attempt(*entry, "released", "", now);
      advance(*entry, Event::kRelease);
      entry->task.tries_used = std::max<std::int64_t>(0, entry->task.tries_used - 1);
      entry->task.spec.run_at_ms = 0;
      entry->task.lease_expires_ms = 0;
    }
    out.push_back(verdict);
  }
  announce();
  return out;
}

void MemoryQueue::expire(WallMs now) {
  std::vector<Entry*> expired;
  for (const auto& entry : entries_)
    if (is_expired(entry->task, now)) expired.push_back(entry.get());
  std::stable_sort(expired.begin(), expired.end(), [](const Entry* a, const Entry* b) {
    return a->task.spec.expires_ms < b->task.spec.expires_ms;
  });
  for (Entry* entry : expired)
    if (advance(*entry, Event::kExpire)) end(now, *entry, "", R"({"code":"expired"})");
}

/// By how much the clock was set since the last tick.
std::int64_t MemoryQueue::clock_step(WallMs now, MonoMs monotonic) {
  if (now <= 0) return 0;
  const WallMs before = std::exchange(ticked_, now);
  const MonoMs mono_before = std::exchange(ticked_mono_, monotonic);
  if (before == 0) return 0;
  const bool told = mono_before != 0 && monotonic >= mono_before;
  const std::int64_t step =
      told ? now - before - (monotonic - mono_before) : std::min<std::int64_t>(0, now - before);
  return std::abs(step) < 60'000 ? 0 : step;
}

Result<WallMs> MemoryQueue::tick(WallMs now, MonoMs monotonic) {
  const MutexLock lock(mutex_);
  if (const std::int64_t step = clock_step(now, monotonic); step != 0)
    for (const auto& entry : entries_)
      if (Task& t = entry->task; t.state == TaskState::kWaiting && t.attempt > 0 &&
                                 t.spec.run_at_ms > std::min(now, now - step))
        t.spec.run_at_ms = std::max<WallMs>(1, t.spec.run_at_ms + step);
  WallMs next = 0;
  const auto at = [&](WallMs instant) {
    if (instant > 0 && (next == 0 || instant < next)) next = instant;
  };
  expire(now);
  for (const auto& entry : entries_) {
    Task& t = entry->task;
    if (t.state == TaskState::kWaiting && t.spec.run_at_ms <= now) advance(*entry, Event::kDue);
    if (model::is_held(t.state) && t.lease_expires_ms < now) advance(*entry, Event::kLeaseOver);
    if (t.state == TaskState::kWaiting) at(t.spec.run_at_ms);
    if (t.state == TaskState::kWaiting || t.state == TaskState::kQueued) at(t.spec.expires_ms);
    if (t.state == TaskState::kClaimed || t.state == TaskState::kExecuting)
      at(t.lease_expires_ms + 1);
  }
  announce();
  if (tick_failure && now > 0) return *tick_failure;
  return next;
}

Result<std::vector<Task>> MemoryQueue::overdue(WallMs cutoff, std::string_view worker_id,
                                               std::string_view incarnation) {
  const MutexLock lock(mutex_);
  std::vector<Task> out;
  for (const auto& entry : entries_) {
    const Task& t = entry->task;
    const bool late = t.state == TaskState::kSuspect && t.lease_expires_ms < cutoff;
    const bool orphaned = !worker_id.empty() && model::is_held(t.state) &&
                          t.worker_id == worker_id && t.incarnation != incarnation;
    if (late || orphaned) out.push_back(t);
  }
  return out;
}

LeaseVerdict MemoryQueue::lose_one(WallMs now, WallMs cutoff, const ports::Loss& loss) {
  LeaseVerdict verdict{};
  Entry* entry = held_by(loss.lease, verdict);
  if (entry == nullptr) return verdict;
  Task& t = entry->task;
  const bool late = t.state == TaskState::kSuspect && t.lease_expires_ms < cutoff;
  if (!loss.crashed && !late) return LeaseVerdict::kLost;
  if (loss.crashed) ++t.crash_count;
  const bool dead = t.tries_used >= t.spec.max_attempts ||
                    (loss.max_crashes > 0 && t.crash_count >= loss.max_crashes);
  end_attempt(*entry, "lost", loss.error, now);
  advance(*entry, dead ? Event::kLoseDead : Event::kLoseRetry);
  t.spec.run_at_ms = now + std::max<std::int64_t>(0, loss.retry_delay_ms);
  t.lease_expires_ms = 0;
  t.result.clear();
  t.error = loss.error;
  if (dead) end(now, *entry, "", loss.error);
  return LeaseVerdict::kHeld;
}

Result<std::vector<LeaseVerdict>> MemoryQueue::lose(WallMs now, WallMs cutoff,
                                                    std::span<const ports::Loss> losses) {
  const MutexLock lock(mutex_);
  std::vector<LeaseVerdict> out;
  for (const ports::Loss& loss : losses) out.push_back(lose_one(now, cutoff, loss));
  announce();
  return out;
}

Result<LeaseVerdict> MemoryQueue::cancel(WallMs now, std::string_view task_id,
                                         std::string_view error_json) {
  const MutexLock lock(mutex_);
  Entry* entry = find(task_id);
  if (entry == nullptr) return LeaseVerdict::kUnknown;
  const bool held = model::is_held(entry->task.state);
  if (!advance(*entry, Event::kCancel)) return LeaseVerdict::kLost;
  if (held) end_attempt(*entry, "cancelled", std::string(error_json), now);
  end(now, *entry, "", std::string(error_json));
  announce();
  return LeaseVerdict::kHeld;
}

Result<LeaseVerdict> MemoryQueue::requeue(WallMs now, std::string_view task_id,
                                          std::int64_t expected_attempt) {
  const MutexLock lock(mutex_);
  Entry* entry = find(task_id);
  if (entry == nullptr) return LeaseVerdict::kUnknown;
  Task& t = entry->task;
  if (expected_attempt != ports::kAnyAttempt && t.attempt != expected_attempt)
    return LeaseVerdict::kLost;
  const bool held = model::is_held(t.state);
  if (!advance(*entry, Event::kRequeue)) return LeaseVerdict::kLost;
  if (held) end_attempt(*entry, "superseded", "", now);
  t.tries_used = t.crash_count = 0;
  t.spec.run_at_ms = 0;
  if (t.spec.expires_ms <= now) t.spec.expires_ms = 0;
  t.lease_id.clear();
  t.lease_expires_ms = t.claimed_ms = t.started_ms = t.finished_ms = 0;
  t.result.clear();
  t.error.clear();
  announce();
  return LeaseVerdict::kHeld;
}

Result<std::uint32_t> MemoryQueue::purge(WallMs before, std::int64_t sequence,
                                         std::uint32_t limit) {
  const MutexLock lock(mutex_);
  std::uint32_t removed = 0;
  for (; removed < limit && !received_.empty() && received_.front().first < before; ++removed) {
    bodies_.erase(received_.front().second);
    received_.pop_front();
  }
  const std::uint32_t most = removed + limit;
  while (removed < most && !completions_.empty()) {
    const ports::Completion& oldest = completions_.front();
    if (oldest.sequence > sequence || oldest.task.finished_ms >= before) break;
    const Entry* entry = find(oldest.task.id);
    const bool last =
        std::none_of(completions_.begin() + 1, completions_.end(),
                     [&](const ports::Completion& c) { return c.task.seq == oldest.task.seq; });
    if (last && model::is_terminal(entry->task.state)) forget(*entry);
    completions_.erase(completions_.begin());
    ++removed;
  }
  return removed;
}

void MemoryQueue::forget(const Entry& entry) {
  if (!entry.task.spec.idempotency_key.empty()) by_key_.erase(entry.task.spec.idempotency_key);
  by_id_.erase(entry.task.id);
  std::erase_if(entries_, [&](const auto& e) { return e.get() == &entry; });
}

}  // namespace skep::conformance
