#include "core/control/fleet/canary_watch.hpp"

#include <algorithm>

namespace skep::control {
namespace {

constexpr std::string_view kActive = "active";
constexpr std::string_view kFailed = "failed";

void add(Tally& t, bool ok) { ++(ok ? t.ok : t.failed); }

}  // namespace

void CanaryWatch::follow(const std::vector<Release>& releases) {
  const MutexLock lock(mutex_);
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

std::vector<api::HeldRelease> CanaryWatch::heard(const std::string& worker_id,
                                                 const api::ReleaseReport& report, MonoMs now) {
  const MutexLock lock(mutex_);
  for (auto& [id, watch] : watches_)
    if (watch.release.is_canary(worker_id)) watch.heard(worker_id, report, now);
  std::vector<api::HeldRelease> fresh;
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
void CanaryWatch::Watch::heard(const std::string& worker_id, const api::ReleaseReport& report,
                               MonoMs now) {
  const auto said = std::find_if(report.items.begin(), report.items.end(),
                                 [&](const auto& a) { return a.sha256 == release.sha256; });
  const bool knows = said != report.items.end() && report.revision >= release.id;
  if (knows && said->state == kActive)
    in_place.try_emplace(worker_id, now);
  else
    in_place.erase(worker_id);
  if (in_place.size() < release.canaries.size())
    everywhere_since.reset();
  else if (!everywhere_since)
    everywhere_since = now;
  if (knows && said->state == kFailed && failure.empty())
    failure = "worker " + worker_id + " could not use it: " + said->reason;
}

void CanaryWatch::forget(const std::string& worker_id) {
  const MutexLock lock(mutex_);
  failed_.erase(worker_id);
}

void CanaryWatch::count(const Ended& attempt, CanaryTallies& out) const {
  const MutexLock lock(mutex_);
  for (const auto& [id, watch] : watches_) {
    const Release& r = watch.release;
    if (!r.covers(attempt.site) || !r.brings(attempt.type)) continue;
    if (!r.is_canary(attempt.worker_id)) {
      add(out[id].others, attempt.ok);
      continue;
    }
    const auto since = watch.in_place.find(attempt.worker_id);
    if (since != watch.in_place.end() && since->second <= attempt.began)
      add(out[id].canary, attempt.ok);
  }
}

bool CanaryWatch::brings(const std::string& type) const {
  const MutexLock lock(mutex_);
  return std::any_of(watches_.begin(), watches_.end(),
                     [&](const auto& watch) { return watch.second.release.brings(type); });
}

std::optional<CanaryWatch::Sight> CanaryWatch::sight_of(std::int64_t release) const {
  const MutexLock lock(mutex_);
  const auto watch = watches_.find(release);
  if (watch == watches_.end()) return std::nullopt;
  return Sight{watch->second.everywhere_since, watch->second.failure};
}

}  // namespace skep::control
