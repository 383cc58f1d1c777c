// The half of Artifacts that watches canaries: what workers report, what their tasks come to.
#include <algorithm>

#include "core/base/events.hpp"
#include "core/control/artifacts.hpp"

namespace skep::control {
namespace {

constexpr Millis kRound{500};

void add(Tally& t, bool ok) { ++(ok ? t.ok : t.failed); }

void add(Tally& t, const Tally& more) {
  t.ok += more.ok;
  t.failed += more.failed;
}

}  // namespace

void Artifacts::heard(const WorkerRecord& w) {
  const std::string& id = w.profile.id;
  std::vector<api::ArtifactState> failed;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& a : w.beat.artifacts.items) {
      const bool bad = a.state == "failed";
      for (const Release& r : snapshot_->releases) {
        if (r.state != ReleaseState::kCanary || r.sha256 != a.sha256 || !r.is_canary(id)) continue;
        Watch& watch = watches_[r.id];
        if (!bad) watch.in_place.try_emplace(id, clock_.wall_ms());
        if (!bad) continue;
        watch.in_place.erase(id);  // what ran before serves there now
        if (watch.failure.empty())
          watch.failure = "worker " + id + " could not use it: " + a.reason;
      }
      std::string& told = told_[{id, a.name}];
      if (bad && told != a.sha256) failed.push_back(a);
      told = bad ? a.sha256 : "";
    }
  }
  for (const auto& a : failed) {
    metrics_.artifact_event("failed");
    events::publish(
        log::Level::kError, "artifact.failed",
        {{"id", a.name}, {"sha256", a.sha256}, {"worker_id", id}, {"reason", a.reason}});
  }
}

void Artifacts::finished(const model::Envelope& e, const model::Outcome& outcome) {
  const auto now = snapshot();
  if (!now->watching || outcome.kind == model::OutcomeKind::kCancelled) return;
  ports::TaskQuery query;
  query.id = e.lease.task_id;
  query.limit = 1;
  const auto found = queue_.read(query);
  if (!found || found->empty()) return;  // a figure less; the result itself is recorded
  const std::string& type = found->front().spec.type;
  const bool ok = outcome.kind == model::OutcomeKind::kSucceeded;
  const WallMs began = clock_.wall_ms() - outcome.duration_ms;
  const std::lock_guard lock(mutex_);
  for (const Release& r : now->releases) {
    if (r.state != ReleaseState::kCanary || !r.covers(e.site)) continue;
    if (std::find(r.types.begin(), r.types.end(), type) == r.types.end()) continue;
    const auto watch = watches_.find(r.id);
    if (watch == watches_.end()) continue;
    if (!r.is_canary(e.worker_id)) {
      add(watch->second.others, ok);
      continue;
    }
    const auto since = watch->second.in_place.find(e.worker_id);
    if (since != watch->second.in_place.end() && since->second <= began)
      add(watch->second.canary, ok);
  }
}

Status Artifacts::flush() {
  std::vector<Release> deltas;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, watch] : watches_) {
      if (watch.canary.finished() + watch.others.finished() == 0) continue;
      Release delta;
      delta.id = id;
      delta.canary = std::exchange(watch.canary, {});
      delta.others = std::exchange(watch.others, {});
      deltas.push_back(std::move(delta));
    }
  }
  const Status done = store_.count(deltas);
  if (done) return {};
  const std::lock_guard lock(mutex_);
  for (const Release& delta : deltas)
    if (const auto watch = watches_.find(delta.id); watch != watches_.end()) {
      add(watch->second.canary, delta.canary);
      add(watch->second.others, delta.others);
    }
  return done;
}

/// Judges one canary by what the store counts and acts on it.
Status Artifacts::decide(const Release& r) {
  std::size_t in_place = 0;
  std::string failure;
  {
    const std::lock_guard lock(mutex_);
    const auto watch = watches_.find(r.id);
    if (watch == watches_.end()) return {};
    in_place = watch->second.in_place.size();
    failure = watch->second.failure;
  }
  const Judgement verdict = judge(r, clock_.wall_ms(), in_place, failure);
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

Status Artifacts::round() {
  SKEP_TRY(flush());
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
