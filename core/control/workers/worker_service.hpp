// What workers say of themselves and what people want of them: registration, beats, modes, removal.
// Leases of tasks are tasks/lease_service.hpp.
#pragma once

#include <string>
#include <vector>

#include "core/control/events/event_log.hpp"
#include "core/control/platform.hpp"
#include "core/control/workers/worker_credentials.hpp"
#include "core/control/workers/worker_directory.hpp"
#include "core/control/workers/worker_hooks.hpp"

namespace skep::control {

class WorkerService {
 public:
  /// All must outlive it.
  WorkerService(Platform& platform, WorkerDirectory& directory, WorkerCredentials& credentials,
                const EventLog& events)
      : platform_(platform), directory_(directory), credentials_(credentials), events_(events) {}
  /// Before the first call of another.
  void listen(WorkerHooks hooks) { hooks_.push_back(std::move(hooks)); }

  /// kInvalid for what no worker can be called; kDenied "not-your-worker" when a worker registers
  /// another; kState "protocol-mismatch", "newer-process" for an older process of a worker that is
  /// there, "worker-there" for a newcomer with the id of one. A process that is new here is an
  /// event and gets a credential, one that registers again is none and keeps its own, unless it
  /// came without. [any]
  Result<api::RegistrationReply> enrol(const api::Registration& registration,
                                       const net::Caller& caller);
  /// kNotFound "unknown-worker", kState "worker-id-conflict". [any]
  Result<api::BeatReply> beat(const std::string& worker_id, const api::Beat& beat);
  /// An event when it has another mode now; `actor` as in NewEvent. [any]
  Result<WorkerRecord> set_mode(const std::string& worker_id, api::WorkerMode mode,
                                const std::string& actor);
  /// kState while it is there. [any]
  Status remove(const std::string& worker_id, const std::string& actor);
  /// As people see it; refers to `worker`. [any]
  api::WorkerView view(const WorkerRecord& worker, WallMs now) const;
  /// The revision of the fleet registry that counts for it; -1 = there is none.
  std::int64_t registry_revision(const WorkerRecord& worker) const;

 private:
  Status check_claim_to_id(const api::Registration& registration, const net::Caller& caller,
                           const std::optional<WorkerRecord>& before, WallMs now) const;
  Platform& platform_;
  WorkerDirectory& directory_;
  WorkerCredentials& credentials_;
  const EventLog& events_;
  std::vector<WorkerHooks> hooks_;
  /// One change at a time: what an event says of before is true.
  Mutex changes_;
};

}  // namespace skep::control
