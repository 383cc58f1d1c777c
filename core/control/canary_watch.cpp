#include "core/control/canary_watch.hpp"

#include <algorithm>

namespace skep::control {
namespace {

constexpr std::string_view kActive = "active";
constexpr std::string_view kFailed = "failed";

void add(Tally& t, bool ok) { ++(ok ? t.ok : t.failed); }

void add(Tally& t, const Tally& more) {
  t.ok += more.ok;
  t.failed += more.failed;
}

}  // namespace

void CanaryWatch::follow(const std::vector<Release>& releases) {
  const std::lock_guard lock(mutex_);
  std::map<std::int64_t, Watch> next;
  for (const Release& r : releases) {
    if (r.state != ReleaseState::kCanary) continue;
    Watch& watch = next[r.id];
    if (const auto known = watches_.find(r.id); known != watches_.end())
      watch = std::move(known->second);
    watch.release = r;
  }
  watches_ = std::move(next);
}

std::vector<api::ArtifactState> CanaryWatch::heard(const std::string& worker_id,
                                                   const api::ArtifactReport& report, WallMs now) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, watch] : watches_)
    if (watch.release.is_canary(worker_id)) watch.heard(worker_id, report, now);
  std::vector<api::ArtifactState> fresh;
  std::map<std::string, std::string> failed;
  auto& known = failed_[worker_id];
  for (const auto& a : report.items) {
    if (a.state != kFailed) continue;
    if (known[a.name] != a.sha256) fresh.push_back(a);
    failed[a.name] = a.sha256;
  }
  known = std::move(failed);
  if (known.empty()) failed_.erase(worker_id);
  return fresh;
}

/// Only a canary that says it serves the release has it. Before it knows of the release it speaks
/// of an older one with the same bytes.
void CanaryWatch::Watch::heard(const std::string& worker_id, const api::ArtifactReport& report,
                               WallMs now) {
  const auto said = std::find_if(report.items.begin(), report.items.end(),
                                 [&](const auto& a) { return a.sha256 == release.sha256; });
  const bool knows = said != report.items.end() && report.revision >= release.id;
  if (knows && said->state == kActive)
    in_place.try_emplace(worker_id, now);
  else
    in_place.erase(worker_id);
  if (knows && said->state == kFailed && failure.empty())
    failure = "worker " + worker_id + " could not use it: " + said->reason;
}

void CanaryWatch::forget(const std::string& worker_id) {
  const std::lock_guard lock(mutex_);
  failed_.erase(worker_id);
}

void CanaryWatch::ended(const Ended& task) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, watch] : watches_) {
    const Release& r = watch.release;
    if (!r.covers(task.site)) continue;
    if (std::find(r.types.begin(), r.types.end(), task.type) == r.types.end()) continue;
    if (!r.is_canary(task.worker_id)) {
      add(watch.others, task.ok);
      continue;
    }
    const auto since = watch.in_place.find(task.worker_id);
    if (since != watch.in_place.end() && since->second <= task.began) add(watch.canary, task.ok);
  }
}

std::vector<Release> CanaryWatch::take() {
  const std::lock_guard lock(mutex_);
  std::vector<Release> counts;
  for (auto& [id, watch] : watches_) {
    if (watch.canary.finished() + watch.others.finished() == 0) continue;
    Release count;
    count.id = id;
    count.canary = std::exchange(watch.canary, {});
    count.others = std::exchange(watch.others, {});
    counts.push_back(std::move(count));
  }
  return counts;
}

void CanaryWatch::put_back(const std::vector<Release>& counts) {
  const std::lock_guard lock(mutex_);
  for (const Release& count : counts)
    if (const auto watch = watches_.find(count.id); watch != watches_.end()) {
      add(watch->second.canary, count.canary);
      add(watch->second.others, count.others);
    }
}

std::optional<CanaryWatch::Sight> CanaryWatch::sight_of(std::int64_t release) const {
  const std::lock_guard lock(mutex_);
  const auto watch = watches_.find(release);
  if (watch == watches_.end()) return std::nullopt;
  return Sight{watch->second.in_place.size(), watch->second.failure};
}

}  // namespace skep::control
