#include "core/control/fleet/rollout.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "core/base/id.hpp"

namespace skep::control {
namespace {

double share(const Tally& t) {
  return t.finished() == 0 ? 0.0
                           : static_cast<double>(t.failed) / static_cast<double>(t.finished());
}

std::string counted(const Tally& t) {
  return std::to_string(t.failed) + " of " + std::to_string(t.finished());
}

struct Baseline {
  double share = 0;
  std::string words;
};

Baseline baseline(const Release& r) {
  if (r.others.finished() >= kLeastFinished)
    return {share(r.others), counted(r.others) + " on other workers"};
  if (r.before.finished() >= kLeastFinished)
    return {share(r.before), counted(r.before) + " before"};
  return {0, "nothing to compare with"};
}

/// A newer release of the same name and architecture that covers at least as much hides `old`.
bool hides(const Release& newer, const Release& old) {
  if (newer.state != ReleaseState::kActive || newer.name != old.name || newer.arch != old.arch)
    return false;
  if (newer.sites.empty()) return true;
  return !old.sites.empty() &&
         std::includes(newer.sites.begin(), newer.sites.end(), old.sites.begin(), old.sites.end());
}

}  // namespace

bool Release::covers(std::string_view site) const {
  return sites.empty() || std::find(sites.begin(), sites.end(), site) != sites.end();
}

bool Release::brings(std::string_view type) const {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool Release::owns(std::string_view name_or_type) const {
  return name == name_or_type || brings(name_or_type) ||
         std::find(components.begin(), components.end(), name_or_type) != components.end();
}

bool Release::is_canary(std::string_view worker_id) const {
  return std::find(canaries.begin(), canaries.end(), worker_id) != canaries.end();
}

std::vector<const Release*> desired(const std::vector<Release>& releases, const Seat& seat) {
  std::map<std::string_view, const Release*> by_name;
  for (auto r = releases.rbegin(); r != releases.rend(); ++r) {
    const bool meant = r->state == ReleaseState::kActive ||
                       (r->state == ReleaseState::kCanary && r->is_canary(seat.worker_id));
    if (meant && r->covers(seat.site) && (r->arch == "any" || r->arch == seat.arch))
      by_name.try_emplace(r->name, &*r);
  }
  std::vector<const Release*> out;
  for (const auto& [name, release] : by_name) out.push_back(release);
  return out;
}

std::vector<std::string> choose_canaries(std::string_view name, std::vector<std::string> workers,
                                         std::size_t count) {
  std::vector<std::pair<std::string, std::string>> ranked;
  for (std::string& id : workers) {
    std::string rank = sha256_hex(std::string(name) + "\n" + id);
    ranked.emplace_back(std::move(rank), std::move(id));
  }
  std::sort(ranked.begin(), ranked.end());
  ranked.resize(std::min(count, ranked.size()));
  std::vector<std::string> out;
  for (auto& [rank, id] : ranked) out.push_back(std::move(id));
  return out;
}

Judgement judge(const Release& r, std::optional<std::int64_t> quiet_ms,
                const std::string& load_failure) {
  using enum Judgement::What;
  if (!load_failure.empty()) return {kRollBack, load_failure};
  const Baseline base = baseline(r);
  const bool worse = share(r.canary) > base.share + kWorseBy;
  if (worse && r.canary.finished() >= kLeastFinished)
    return {kRollBack, counted(r.canary) + " tasks failed on canaries; " + base.words + " (limit " +
                           std::to_string(static_cast<int>((base.share + kWorseBy) * 100 + 0.5)) +
                           "%)"};
  if (r.hold || worse) return {};
  if (r.canary.ok >= r.promote_after_tasks && r.canary.finished() >= kLeastFinished)
    return {kPromote, std::to_string(r.canary.ok) + " tasks succeeded on canaries"};
  if (quiet_ms && *quiet_ms >= r.promote_after_ms)
    return {kPromote, "no trouble for " + std::to_string(r.promote_after_ms / 1000) + " s"};
  return {};
}

std::vector<std::int64_t> forgettable(const std::vector<Release>& releases) {
  std::map<std::string_view, std::size_t> seen;
  std::vector<std::int64_t> out;
  for (auto r = releases.rbegin(); r != releases.rend(); ++r) {
    if (++seen[r->name] <= kKeptReleases) continue;
    const bool hidden =
        std::any_of(releases.rbegin(), r, [&](const Release& newer) { return hides(newer, *r); });
    if (!r->in_force() || hidden) out.push_back(r->id);
  }
  return out;
}

std::optional<std::string> elf_arch(std::string_view bytes) {
  constexpr std::size_t kHeader = 20;
  constexpr std::size_t kMachine = 18;
  if (bytes.size() < kHeader || !bytes.starts_with("\x7f"
                                                   "ELF\x02\x01"))
    return std::nullopt;
  const unsigned machine = static_cast<unsigned char>(bytes[kMachine]) |
                           static_cast<unsigned>(static_cast<unsigned char>(bytes[kMachine + 1]))
                               << 8;
  if (machine == 62) return "x86_64";
  if (machine == 183) return "aarch64";
  return std::nullopt;
}

}  // namespace skep::control
