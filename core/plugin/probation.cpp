#include "core/plugin/probation.hpp"

namespace skep::plugin {
namespace {

constexpr std::int64_t kFaults = 3;
constexpr std::int64_t kFailed = 5;
constexpr std::int64_t kKnown = 5;  // calls from which a share says something
constexpr double kClearly = 0.2;
constexpr double kMostOfThem = 0.8;
constexpr double kFew = 0.5;

double share(std::int64_t part, std::int64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

std::string of(std::int64_t part, std::int64_t all, std::string_view what) {
  return std::to_string(part) + " of its first " + std::to_string(all) + " calls " +
         std::string(what);
}

}  // namespace

std::optional<std::string> verdict(const CallTally& fresh, const CallTally& before) {
  if (fresh.crashes > 0 && before.crashes == 0)
    return "crashed in call " + std::to_string(fresh.calls);
  const double faults = share(fresh.faults, fresh.calls);
  if (fresh.faults >= kFaults && faults > share(before.faults, before.calls) + kClearly)
    return of(fresh.faults, fresh.calls, "were faults of the plugin");
  const bool was_good = before.calls >= kKnown && share(before.failed, before.calls) < kFew;
  if (fresh.failed >= kFailed && was_good && share(fresh.failed, fresh.calls) >= kMostOfThem)
    return of(fresh.failed, fresh.calls, "failed");
  return std::nullopt;
}

}  // namespace skep::plugin
