// The fleet's registry: scripts and plugins are published here, workers of the sites they are meant
// for fetch them, canaries are watched and taken back when they do worse.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/control/events/event_log.hpp"
#include "core/control/feature.hpp"
#include "core/control/fleet/canary_watch.hpp"
#include "core/control/fleet/fleet_metrics.hpp"
#include "core/control/fleet/release_store.hpp"
#include "core/control/workers/worker_directory.hpp"

namespace skep::control {

using Publication = api::Publication;

/// What the file of a publication says of itself.
struct SelfDescription {
  std::string name;
  std::string version;
  /// All its task types, and what they take as JSON Schema.
  std::map<std::string, std::string> types{};
  std::vector<std::string> components{};  ///< names of those that are no task types
};
/// Reads it without running anything of the file in this process; nothing when that cannot be done
/// here. An error refuses the publication. [any]
using Inspector = std::function<Result<std::optional<SelfDescription>>(const Publication&)>;

/// Releases as they were at one revision. Immutable.
struct RegistrySnapshot {
  std::int64_t revision = 0;
  std::vector<Release> releases;  ///< sorted by id
  bool watching = false;          ///< a canary is under way

  /// Of all that concerns a worker of `site`; another number = something changed for it.
  std::int64_t revision_of(std::string_view site) const;
};

/// The service is the clockwork of canaries; what other control planes of the same database did is
/// seen within a round (a second), or when a worker asks.
class FleetRegistry final : public Service {
 public:
  /// All must outlive it.
  FleetRegistry(Platform& platform, WorkerDirectory& workers, FleetMetrics& metrics,
                const EventLog& events);
  ~FleetRegistry() override { stop(); }
  Status load();
  /// From now on no file is published under another name or version than its own, nor with other
  /// types; without an inspector what is declared is believed. REQUIRES: nothing is published
  /// meanwhile.
  void inspect_with(Inspector inspector) { inspector_ = std::move(inspector); }

  struct Published {
    Release release;
    bool existed = false;  ///< the newest release of that name is just this already
    std::vector<std::string> schema_changes{};  ///< it was forced over these
  };
  /// kInvalid for content that cannot be such a release, "release-mismatch" when the file says
  /// something else than was declared, kBusy while another script is looked at, kState
  /// "version-exists" when the version has other content, "name-taken" when another release has one
  /// of its names, "canary-under-way", "kind-differs", "no-canary", "schema-change" when its types
  /// take less than what workers run, and it is not forced. [any]
  Result<Published> publish(Publication p, const std::string& actor);
  /// Takes the newest release of `name` back (of each architecture); the one below it is in force
  /// again. kState when there is none below. [any]
  Result<std::vector<Release>> rollback(const std::string& name, const std::string& reason,
                                        const std::string& actor);
  /// Gives the canary to everybody. kState when there is none. [any]
  Result<std::vector<Release>> promote(const std::string& name, const std::string& actor);
  /// No worker keeps it. [any]
  Result<std::vector<Release>> withdraw(const std::string& name, const std::string& actor);

  std::shared_ptr<const RegistrySnapshot> snapshot() const;
  /// Releases of `name`, oldest first; kNotFound with the nearest. [any]
  Result<std::vector<Release>> history(const std::string& name);
  /// What `w` is meant to have, as the store says now. [any]
  Result<api::DesiredReleases> desired_of(const WorkerRecord& w);
  Result<std::string> chunk(const std::string& sha256, std::int64_t index) {
    return store_.chunk(sha256, index);
  }
  Result<std::string> blob(const std::string& sha256) { return store_.blob(sha256); }

  /// A worker's beat: what it has of its releases. [any]
  void heard(const WorkerRecord& w);
  /// That worker was removed. [any]
  void forget_worker(const std::string& worker_id) { watch_.forget(worker_id); }
  /// Statements that count `ended` for the canaries under way, each attempt where it ran.
  /// [reconciler's thread]
  Status count(std::span<const ports::Completion> ended, Effects& out);
  /// One round: changes of others, judgements of canaries. [one thread]
  Status round();

 protected:
  void run(std::stop_token stop) override;

 private:
  using Change = std::function<Result<std::vector<Release>>(const RegistrySnapshot&)>;
  /// What a change is called, and who makes it.
  struct Act {
    std::string_view event;
    std::string actor;
  };

  Status refresh();
  void install(ReleaseStore::Contents contents);
  Result<std::vector<Release>> apply(const Act& act, const Change& change);
  Status look_into(Publication& p);
  Result<Release> compose(const RegistrySnapshot& now, const Publication& p,
                          const std::string& sha256) const;
  Result<std::vector<std::string>> canaries_of(const Publication& p, const Release& r) const;
  Status count_attempts(const model::Task& task, CanaryTallies& tallies);
  Status decide(const Release& r);
  Status collect();
  static NewEvent event_of(const Act& act, const Release& r);
  void tell(const Act& act, const std::vector<Release>& releases);

  ReleaseStore store_;
  Platform& platform_;
  WorkerDirectory& workers_;
  FleetMetrics& metrics_;
  const EventLog& events_;
  const Clock& clock_;
  CanaryWatch watch_;
  Inspector inspector_;
  std::atomic<bool> looking_{false};                ///< at a script
  MonoMs collect_at_ = 0;                           ///< rounds' thread
  std::map<ReleaseStore::Orphan, MonoMs> orphans_;  ///< and since when they are; rounds' thread
  /// The snapshot; with it, what watch_ follows.
  mutable Mutex mutex_;
  std::shared_ptr<const RegistrySnapshot> snapshot_ SKEP_GUARDED_BY(mutex_) =
      std::make_shared<RegistrySnapshot>();
};

}  // namespace skep::control
