// Every worker this control plane has heard of: identity, presence, what an operator wants of it.
//
// Kept in memory; a worker's row in the store is written when it registers or its mode changes, and
// its last beat within some seconds (flush), so a restart remembers who there was.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/api/wire.hpp"
#include "core/api/worker_json.hpp"
#include "core/base/live.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

using Presence = api::Presence;

struct WorkerRecord {
  api::Registration about;
  model::WorkerProfile profile;
  api::WorkerMode mode = api::WorkerMode::kActive;
  WallMs registered_ms = 0;
  WallMs last_seen_ms = 0;   ///< last register or beat, control plane's clock
  api::Beat beat;            ///< the last one
  std::int64_t skew_ms = 0;  ///< worker's wall clock minus ours at the last beat
};

class WorkerDirectory {
 public:
  using Record = std::shared_ptr<const WorkerRecord>;
  struct Limits {
    std::int64_t offline_after_ms = 90'000;
    std::int64_t stale_after_ms = 300'000;
    bool operator==(const Limits&) const = default;
  };
  WorkerDirectory(ports::Store& store, Limits limits) : store_(store), limits_(limits) {}

  static std::vector<std::string> migrations();
  Status load();
  /// What is written in the transaction of a change, with it or not at all.
  using Statements = std::vector<ports::Statement>;

  /// Adds or replaces a worker; the process that registers last owns the id. What an operator wants
  /// of the worker stays until he wants something else. Returns the incarnation that it replaces,
  /// or
  /// "".
  Result<std::string> enrol(WallMs now, const api::Registration& r, Statements also = {});
  /// kNotFound for an unknown worker, kState when another process owns the id now. A beat is
  /// recorded when given.
  Result<WorkerRecord> check_in(WallMs now, const std::string& worker_id,
                                const std::string& incarnation, const api::Beat* beat = nullptr);
  /// What is known of a worker, if anything.
  std::optional<WorkerRecord> peek(const std::string& worker_id) const;
  /// The same for people: kNotFound with the nearest id.
  Result<WorkerRecord> find(const std::string& worker_id) const;
  /// Each as it is now; who changes one puts another in its place.
  std::vector<Record> records() const;
  /// Copies of them, made beside those who change any.
  std::vector<WorkerRecord> all() const;
  Status set_mode(const std::string& worker_id, api::WorkerMode mode, Statements also = {});
  /// Forgets a worker that is gone; kState while it is online. One that comes back registers again.
  /// Nothing else is written when another control plane has forgotten it already.
  Status remove(WallMs now, const std::string& worker_id, Statements also = {});
  Presence presence(const WorkerRecord& w, WallMs now) const;
  /// Heard of not long ago: online, or late.
  bool is_there(const WorkerRecord& w, WallMs now) const;
  /// As people see it, by what it says itself; refers to `w`.
  api::WorkerView view(const WorkerRecord& w, WallMs now) const;
  /// May this worker be given work: it wants some, and it is not silent.
  bool takes_work(const WorkerRecord& w, WallMs now) const;

  void set_limits(Limits limits) { limits_.set(limits); }
  /// Whether some worker runs tasks of this type by this schema of their parameters, now or once it
  /// no longer withholds them.
  bool runs(const ports::TaskType& type) const;
  /// The worker has shown the credential that it was given: as long as it is there, it vouches for
  /// the types that it runs. Said again with each registration and beat of it.
  void vouch(const std::string& worker_id);
  /// Whether a worker vouches for the type by this schema. For one that has stopped or runs another
  /// version since, that goes on until it would have been missed.
  bool is_vouched_for(const ports::TaskType& type, WallMs now) const;

  /// Remembers that a worker must stop one attempt; see take_voided.
  void void_lease(const std::string& worker_id, const std::string& lease_id);
  /// Those of `held` that the worker must stop; forgets the ones it no longer holds.
  std::vector<model::Lease> take_voided(const std::string& worker_id,
                                        const std::vector<model::Lease>& held);
  /// Writes changed last beats to the store.
  Status flush();
  /// The wall clock was set by so much: ages stay what they were.
  void shift(std::int64_t by_ms);
  /// At a start, whose clock may be wrong: time goes on from what is `believed`, although the clock
  /// says `now`, for those who were seen by the clock of before. Nothing of it is written, so that
  /// the next start finds the same.
  void go_on_from(WallMs believed, WallMs now);
  /// Nobody was seen later than now, whatever the clock said then.
  void forget_future(WallMs now);
  /// Ids of workers that were last seen before that.
  std::vector<std::string> last_seen_before(WallMs then) const;

 private:
  Status save(const WorkerRecord& w, Statements also);
  /// Puts it in the place of what was known of its id.
  void put(WorkerRecord w) SKEP_REQUIRES(mutex_);
  void count_types(const WorkerRecord& w, int by) SKEP_REQUIRES(mutex_);
  /// Name and schema of a type.
  using TypeKey = std::pair<std::string_view, std::string_view>;
  struct ByText {
    using is_transparent = void;
    bool operator()(const TypeKey& a, const TypeKey& b) const { return a < b; }
  };
  /// Those who run a type by one schema.
  struct Runners {
    int count = 0;
    std::optional<WallMs> vouched_ms{};  ///< the last sign of life of one that vouches
  };
  ports::Store& store_;
  Live<Limits> limits_;
  mutable Mutex mutex_;
  std::map<std::string, Record> workers_ SKEP_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, Runners, ByText> runners_ SKEP_GUARDED_BY(mutex_);
  /// Lease ids by worker.
  std::map<std::string, std::set<std::string>> voided_ SKEP_GUARDED_BY(mutex_);
  std::set<std::string> dirty_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::control
