// What this control plane sees of canaries between two rounds: which of them serve the release, and
// what the tasks come to, there and elsewhere.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/api/artifacts.hpp"
#include "core/control/rollout.hpp"

namespace skep::control {

/// Knows neither store nor queue. [any]
class CanaryWatch {
 public:
  /// Watches the canaries among `releases` and nothing else; what is known of them stays.
  void follow(const std::vector<Release>& releases);

  /// A beat of `worker_id`. What failed there and was not known to.
  std::vector<api::ArtifactState> heard(const std::string& worker_id,
                                        const api::ArtifactReport& report, WallMs now);
  /// That worker is gone for good.
  void forget(const std::string& worker_id);

  struct Ended {
    std::string type;
    std::string site;
    std::string worker_id;
    bool ok = false;
    WallMs began = 0;  ///< the clock of heard()
  };
  /// Counts for the canaries that bring its type to its site: not what began on a canary before it
  /// was known to serve the release.
  void ended(const Ended& task);

  /// Takes the counts, as `canary` and `others` of releases that have no other member than the id.
  std::vector<Release> take();
  /// The store did not take them: they count again.
  void put_back(const std::vector<Release>& counts);

  struct Sight {
    std::size_t in_place = 0;  ///< canaries that serve it
    std::string failure;       ///< "" or what one of them said
  };
  /// Nothing when that release is not watched.
  std::optional<Sight> sight_of(std::int64_t release) const;

 private:
  struct Watch {
    Release release;
    std::map<std::string, WallMs> in_place;  ///< canaries that serve it, and since when
    std::string failure;
    Tally canary;
    Tally others;
    void heard(const std::string& worker_id, const api::ArtifactReport& report, WallMs now);
  };
  mutable std::mutex mutex_;               ///< everything below
  std::map<std::int64_t, Watch> watches_;  ///< by release id
  /// Hashes of what failed, by worker and name; a worker without failures has no entry.
  std::map<std::string, std::map<std::string, std::string>> failed_;
};

}  // namespace skep::control
