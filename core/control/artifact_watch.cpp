// The half of Artifacts that judges canaries by what CanaryWatch sees.
#include "core/base/events.hpp"
#include "core/control/artifacts.hpp"

namespace skep::control {
namespace {

constexpr Millis kRound{500};
constexpr std::int64_t kCollectMs = 600'000;

}  // namespace

void Artifacts::heard(const WorkerRecord& w) {
  const std::string& id = w.profile.id;
  for (const auto& a : watch_.heard(id, w.beat.artifacts, clock_.wall_ms())) {
    metrics_.artifact_event("failed");
    events::publish(
        log::Level::kError, "artifact.failed",
        {{"id", a.name}, {"sha256", a.sha256}, {"worker_id", id}, {"reason", a.reason}});
  }
}

void Artifacts::finished(const model::Envelope& e, const model::Outcome& outcome) {
  if (!snapshot()->watching || outcome.kind == model::OutcomeKind::kCancelled) return;
  ports::TaskQuery query;
  query.id = e.lease.task_id;
  query.limit = 1;
  const auto found = queue_.read(query);
  if (!found || found->empty()) return;  // a figure less; the result itself is recorded
  const model::Task& task = found->front();
  if (task.attempt != e.lease.attempt) return;  // begun again meanwhile
  // The queue's instant, by our clock; the result may have waited on the worker for days.
  watch_.ended({task.spec.type, e.site, e.worker_id, outcome.kind == model::OutcomeKind::kSucceeded,
                task.started_ms});
}

Status Artifacts::flush() {
  const std::vector<Release> counts = watch_.take();
  const Status done = store_.count(counts);
  if (!done) watch_.put_back(counts);
  return done;
}

/// Judges one canary by what the store counts and acts on it.
Status Artifacts::decide(const Release& r) {
  const auto sight = watch_.sight_of(r.id);
  if (!sight) return {};
  const Judgement verdict = judge(r, clock_.wall_ms(), sight->in_place, sight->failure);
  if (verdict.what == Judgement::What::kWait) return {};
  const bool good = verdict.what == Judgement::What::kPromote;
  const auto done = apply([&](const RegistrySnapshot& now) -> Result<std::vector<Release>> {
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
  if (!done) return done.error();
  tell(good ? "artifact.promoted" : "artifact.rolled_back", *done);
  return {};
}

/// Now and then: bytes of a publication that came to nothing, or of forgotten releases.
Status Artifacts::collect() {
  const WallMs now = clock_.wall_ms();
  if (now < collect_at_) return {};
  SKEP_TRY(store_.collect_orphans(now));
  collect_at_ = now + kCollectMs;
  return {};
}

Status Artifacts::round() {
  SKEP_TRY(flush());
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

void Artifacts::run(std::stop_token stop) {
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
