// The half of FleetRegistry that judges canaries by what CanaryWatch sees.
#include "core/api/task_json.hpp"
#include "core/base/events.hpp"
#include "core/control/fleet/fleet_registry.hpp"

namespace skep::control {
namespace {

constexpr Millis kRound{500};
constexpr std::int64_t kCollectMs = 600'000;
/// Bytes that belong to no release go when nobody has put them again for so long: a publication
/// under way is never cut off.
constexpr std::int64_t kOrphanMs = 3'600'000;

}  // namespace

void FleetRegistry::heard(const WorkerRecord& w) {
  const std::string& id = w.profile.id;
  for (const auto& a : watch_.heard(id, w.beat.releases, clock_.mono_ms())) {
    metrics_.event("failed");
    events::publish(
        log::Level::kError, "release.failed",
        {{"id", a.name}, {"sha256", a.sha256}, {"worker_id", id}, {"reason", a.reason}});
  }
}

/// The last attempt is the task's own row. Earlier ones, which failed and were tried again, are
/// read: those since somebody last put the task back to work, for the others counted when it ended
/// then. Params that were refused say nothing of the version: they were meant for another one.
Status FleetRegistry::count_attempts(const model::Task& task, CanaryTallies& tallies) {
  const std::int64_t offset = clock_.wall_ms() - clock_.mono_ms();
  const auto count = [&](const std::string& worker_id, bool ok, WallMs started) {
    const auto worker = workers_.peek(worker_id);
    const MonoMs began = started - offset;
    if (worker) watch_.count({task.spec.type, worker->profile.site, worker_id, ok, began}, tallies);
  };
  if (task.state != model::TaskState::kCancelled && !api::refuses_params(task.error))
    count(task.worker_id, task.state == model::TaskState::kSucceeded, task.started_ms);
  if (task.tries_used < 2) return {};
  const auto attempts = platform_.queue.attempts(task.id);
  if (!attempts) return attempts.error();
  for (const auto& a : *attempts)
    if (a.attempt < task.attempt && a.attempt > task.attempt - task.tries_used &&
        a.outcome == "failed" && !api::refuses_params(a.error))
      count(a.worker_id, false, a.started_ms);
  return {};
}

Status FleetRegistry::count(std::span<const ports::Completion> ended, Effects& out) {
  if (!snapshot()->watching) return {};
  CanaryTallies tallies;
  for (const auto& c : ended)
    if (watch_.brings(c.task.spec.type)) SKEP_TRY(count_attempts(c.task, tallies));
  for (const auto& [id, tally] : tallies)
    out.push_back(ReleaseStore::add_tallies(id, tally.canary, tally.others));
  return {};
}

/// Judges one canary by what the store counts and acts on it.
Status FleetRegistry::decide(const Release& r) {
  const auto sight = watch_.sight_of(r.id);
  if (!sight) return {};
  std::optional<std::int64_t> quiet;
  if (sight->everywhere_since) quiet = clock_.mono_ms() - *sight->everywhere_since;
  const Judgement verdict = judge(r, quiet, sight->failure);
  if (verdict.what == Judgement::What::kWait) return {};
  const bool good = verdict.what == Judgement::What::kPromote;
  const Act act{good ? "release.promoted" : "release.rolled_back", std::string(kSystem)};
  const auto done = apply(act, [&](const RegistrySnapshot& now) -> Result<std::vector<Release>> {
    for (Release fresh : now.releases) {
      if (fresh.id != r.id || fresh.state != ReleaseState::kCanary) continue;
      fresh.state = good ? ReleaseState::kActive : ReleaseState::kRolledBack;
      fresh.reason = verdict.reason;
      fresh.revision = now.revision + 1;
      fresh.changed_ms = clock_.wall_ms();
      return std::vector<Release>{std::move(fresh)};
    }
    return std::vector<Release>{};  // somebody else decided
  });
  return done ? Status{} : Status{done.error()};
}

/// Now and then: bytes of a publication that came to nothing, or of forgotten releases. How long
/// they are such is measured here, from when they were first seen.
Status FleetRegistry::collect() {
  const MonoMs now = clock_.mono_ms();
  if (now < collect_at_) return {};
  const auto orphans = store_.orphans();
  if (!orphans) return orphans.error();
  std::map<ReleaseStore::Orphan, MonoMs> seen;
  std::vector<ReleaseStore::Orphan> over;
  for (const auto& orphan : *orphans) {
    const auto before = orphans_.find(orphan);
    const MonoMs since = before == orphans_.end() ? now : before->second;
    seen.emplace(orphan, since);
    if (now - since >= kOrphanMs) over.push_back(orphan);
  }
  SKEP_TRY(store_.drop(over));
  orphans_ = std::move(seen);
  collect_at_ = now + kCollectMs;
  return {};
}

Status FleetRegistry::round() {
  SKEP_TRY(collect());
  const bool watching = snapshot()->watching;
  const auto at = store_.revision();
  if (!at) return at.error();
  if (watching || *at != snapshot()->revision) SKEP_TRY(refresh());
  const auto now = snapshot();
  for (const Release& r : now->releases)
    if (r.state == ReleaseState::kCanary) SKEP_TRY(decide(r));
  return {};
}

void FleetRegistry::run(std::stop_token stop) {
  SystemClock clock;
  bool good = true;
  while (!stop.stop_requested()) {
    const Status done = round();
    if (!done && good) log::error("registry_round_failed", {{"error", done.error().message}});
    good = static_cast<bool>(done);
    clock.sleep(kRound, stop);
  }
}

}  // namespace skep::control
