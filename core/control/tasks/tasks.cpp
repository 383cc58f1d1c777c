#include "core/control/tasks/tasks.hpp"

#include <algorithm>

#include "core/base/log.hpp"
#include "core/control/tasks/task_events.hpp"

namespace skep::control {

TaskSettings task_settings(const config::Config& config) {
  const TaskConfig& c = config.tasks;
  TaskSettings s;
  s.lease_ms = seconds_to_ms(c.lease_seconds);
  s.max_attempts = c.max_attempts;
  // However short: only 0 means for ever.
  if (c.retention_days > 0)
    s.keep_ms = std::max<std::int64_t>(1, seconds_to_ms(c.retention_days * 86'400));
  s.reaper.lease_ms = s.lease_ms;
  s.reaper.interval_ms = seconds_to_ms(c.reaper_interval_seconds);
  s.reaper.lost_after_ms = seconds_to_ms(c.lost_after_seconds);
  s.reaper.grace_ms = seconds_to_ms(c.restart_grace_seconds);
  s.reaper.retry = {seconds_to_ms(c.retry_base_seconds), seconds_to_ms(c.retry_cap_seconds),
                    c.max_crashes};
  return s;
}

Tasks::Tasks(Platform& p, const config::Config& config, Workers& w, Artifacts& artifacts,
             const EventLog& e, const std::vector<ports::TaskType>& own_types)
    : platform(p),
      workers(w),
      events(e),
      settings(task_settings(config)),
      types(p, w, own_types),
      waiting(p.waits.claims),
      service(p, types, w.directory, waiting, artifacts),
      leases(p, w.directory, w.service, types, waiting, settings.get().lease_ms),
      results(p, counts, settings.get().reaper.retry),
      reaper(p, w.directory, waiting, settings.get().reaper),
      retention(p, settings.get().keep_ms) {}

std::vector<Migrations> Tasks::migrations() const {
  return {{"results", ResultService::migrations()}, {"task_types", TaskTypes::migrations()}};
}

Status Tasks::load() {
  SKEP_TRY(types.load());
  std::vector<ports::TaskType> running;
  for (const auto& w : workers.directory.all())
    for (ports::TaskType& type : api::types_and_withheld(w.about))
      running.push_back(std::move(type));
  return types.resume(running);
}

Status Tasks::effects(std::span<const ports::Completion> ended, Effects& out) {
  for (const auto& c : ended) platform.waits.wake_task(c.task.id);
  events.append(task_events(events, platform.clock.wall_ms(), ended), out);
  add_totals(ended, out);
  return {};
}

Status Tasks::metrics(std::vector<prometheus::MetricFamily>& out) {
  counts.collect(platform.waits.claims.size(), out);
  const auto held = platform.counts.now();
  if (!held) return held.error();
  TaskMetrics::collect_queue(platform.clock.wall_ms(), *held, out);
  return {};
}

/// What workers of a type may be given is other than before when it has a new version: they look
/// again.
Status Tasks::learn_types(const std::vector<ports::TaskType>& brought) {
  const auto changed = types.learn(brought);
  if (!changed) return changed.error();
  if (changed->empty()) return {};
  for (const auto& other : workers.directory.records())
    if (std::any_of(changed->begin(), changed->end(), [&](const std::string& name) {
          return std::count(other->profile.types.begin(), other->profile.types.end(), name) > 0;
        }))
      platform.waits.wake_worker(other->profile.id);
  return {};
}

/// For what was left out, or gave way while its workers were away, there may be room by now.
void Tasks::look_again_for(const WorkerRecord& worker) {
  constexpr MonoMs kBetween = 60'000;
  const auto brought = api::types_and_withheld(worker.about);
  if (types.left_out(brought).empty()) return;
  const MonoMs now = platform.clock.mono_ms();
  MonoMs due = next_look_;
  if (now < due || !next_look_.compare_exchange_strong(due, now + kBetween)) return;
  if (const Status learned = learn_types(brought); !learned)
    log::warn("task_types_not_learned",
              {{"worker_id", worker.profile.id}, {"error", learned.error().message}});
}

/// A type without any worker stays what it was: one may come back.
void Tasks::retire_unused_versions() {
  const auto runs = [this](const TypeVersion& v) { return workers.directory.runs(v.type); };
  for (const auto& versions : types.types())
    if (std::any_of(versions.begin(), versions.end(), runs))
      for (const TypeVersion& v : versions) types.retire(v.type);
}

Status Tasks::registered(const WorkerRecord& now, const WorkerRecord* before,
                         api::RegistrationReply& reply) {
  if (before != nullptr)
    for (const ports::TaskType& type : api::types_and_withheld(before->about)) types.retire(type);
  // Somebody else's end may have retired what nobody ran yet.
  SKEP_TRY(learn_types(api::types_and_withheld(now.about)));
  const int slots = before != nullptr ? before->about.concurrency : now.about.concurrency;
  const auto lost = reaper.worker_restarted(now.profile.id, now.profile.incarnation, slots);
  if (!lost) return lost.error();
  if (*lost > 0)
    log::warn("worker_attempts_given_up", {{"worker_id", now.profile.id}, {"attempts", *lost}});
  reply.lease_seconds = static_cast<double>(leases.lease_ms()) / 1000;
  return {};
}

WorkerHooks Tasks::worker_hooks() {
  WorkerHooks hooks;
  hooks.registering = [this](const api::Registration& r) {
    return learn_types(api::types_and_withheld(r));
  };
  hooks.registered = [this](const WorkerRecord& now, const WorkerRecord* before,
                            api::RegistrationReply& reply) {
    return registered(now, before, reply);
  };
  hooks.beat = [this](WallMs now, const WorkerRecord& worker, api::BeatReply& reply) {
    look_again_for(worker);
    return leases.beat(now, worker, reply);
  };
  hooks.troubles = [this](const WorkerRecord& worker) {
    std::vector<std::string> out;
    for (const ports::TaskType& type : types.left_out(api::types_and_withheld(worker.about)))
      if (out.size() < api::kMostTroubles) out.push_back(TaskTypes::one_too_many(type));
    return out;
  };
  hooks.is_patient = [this] { return reaper.is_patient(); };
  hooks.removed = [this](const std::string& worker_id) {
    retire_unused_versions();
    const auto back = reaper.worker_removed(worker_id);
    if (!back)
      log::error("worker_tasks_not_given_back",
                 {{"worker_id", worker_id}, {"error", back.error().message}});
    else if (*back > 0)
      log::info("worker_tasks_given_back", {{"worker_id", worker_id}, {"tasks", *back}});
  };
  return hooks;
}

void Tasks::apply(const config::Config& config) {
  const TaskSettings next = task_settings(config);
  settings.set(next);
  leases.set_lease(next.lease_ms);
  results.set_retry(next.reaper.retry);
  reaper.set_options(next.reaper);
  retention.set_keep(next.keep_ms);
}

}  // namespace skep::control
