#include "core/plugin/probation.hpp"

namespace skep::plugin {
namespace {

constexpr std::int64_t kFaultyCalls = 3;
constexpr std::int64_t kFailedCalls = 5;
constexpr std::int64_t kKnownCalls = 5;  // calls from which a share says something
constexpr double kClearly = 0.2;
constexpr double kMostOfThem = 0.8;
constexpr double kFew = 0.5;

double share(std::int64_t part, std::int64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

std::string of_first(std::int64_t part, std::int64_t all, std::string_view what) {
  return std::to_string(part) + " of its first " + std::to_string(all) + " " + std::string(what);
}

std::optional<std::string> why_plugin_is_worse(const CallTally& fresh, const CallTally& before) {
  if (fresh.crashes > 0 && before.crashes == 0)
    return "crashed in call " + std::to_string(fresh.calls);
  const double faults = share(fresh.faults, fresh.calls);
  if (fresh.faults >= kFaultyCalls && faults > share(before.faults, before.calls) + kClearly)
    return of_first(fresh.faults, fresh.calls, "calls were faults of the plugin");
  const bool was_good = before.calls >= kKnownCalls && share(before.failed, before.calls) < kFew;
  if (fresh.failed >= kFailedCalls && was_good && share(fresh.failed, fresh.calls) >= kMostOfThem)
    return of_first(fresh.failed, fresh.calls, "calls failed");
  return std::nullopt;
}

bool mostly_faults(const CallTally& tally) { return tally.faults * 2 > tally.calls; }

std::optional<std::string> why_script_is_worse(const CallTally& fresh, const CallTally& before) {
  if (fresh.faults < kFaultyCalls || !mostly_faults(fresh) || mostly_faults(before))
    return std::nullopt;
  return of_first(fresh.faults, fresh.calls, "runs were faults of the script");
}

}  // namespace

const ProbationRules kPluginProbation{20, Millis{300'000}, why_plugin_is_worse};
const ProbationRules kScriptProbation{5, Millis{0}, why_script_is_worse};

bool serves_well(const CallTally& tally) { return tally.crashes == 0 && !mostly_faults(tally); }

Probation::Answer Probation::judge(const CallTally& fresh, MonoMs now) const {
  if (auto worse = rules->why_worse(fresh, before)) return {false, std::move(worse)};
  return {fresh.calls >= rules->calls && now - since >= rules->time.count()};
}

}  // namespace skep::plugin
