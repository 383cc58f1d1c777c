// What this control plane sees of canaries: which of them serve the release, and so for whom the
// end of an attempt counts. Its instants are those of the monotonic clock: a wall clock that is set
// neither makes a canary look quiet for long nor its attempts too old to count.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/api/desired_releases.hpp"
#include "core/base/mutex.hpp"
#include "core/control/fleet/rollout.hpp"

namespace skep::control {

/// Tallies by release id, to be added to those in the store.
struct CanaryTally {
  Tally canary;
  Tally others;
};
using CanaryTallies = std::map<std::int64_t, CanaryTally>;

/// Knows neither store nor queue. [any]
class CanaryWatch {
 public:
  /// Watches the canaries among `releases` and nothing else; what is known of them stays.
  void follow(const std::vector<Release>& releases);

  /// A beat of `worker_id`. What failed there and was not known to.
  std::vector<api::HeldRelease> heard(const std::string& worker_id,
                                      const api::ReleaseReport& report, MonoMs now);
  /// That worker is gone for good.
  void forget(const std::string& worker_id);

  struct Ended {
    std::string type;
    std::string site;
    std::string worker_id;
    bool ok = false;
    MonoMs began = 0;
  };
  /// Adds to the tallies of the canaries that bring its type to its site: not what began on a
  /// canary before it was known to serve the release.
  void count(const Ended& attempt, CanaryTallies& out) const;
  /// Does a canary under way bring this type?
  bool brings(const std::string& type) const;

  struct Sight {
    std::optional<MonoMs> everywhere_since;  ///< all canaries serve it; nothing = not all do
    std::string failure;                     ///< "" or what one of them said
  };
  /// Nothing when that release is not watched.
  std::optional<Sight> sight_of(std::int64_t release) const;

 private:
  struct Watch {
    Release release;
    std::map<std::string, MonoMs> in_place;  ///< canaries that serve it, and since when
    std::optional<MonoMs> everywhere_since;
    std::string failure;
    void heard(const std::string& worker_id, const api::ReleaseReport& report, MonoMs now);
  };
  mutable Mutex mutex_;
  std::map<std::int64_t, Watch> watches_ SKEP_GUARDED_BY(mutex_);  ///< by release id
  /// Hashes of what failed, by worker and name; a worker without failures has no entry.
  std::map<std::string, std::map<std::string, std::string>> failed_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::control
