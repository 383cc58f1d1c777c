// What workers say of themselves and what people want of them: registration, beats, modes, removal.
// Leases of tasks are tasks/lease_service.hpp.
#pragma once

#include <string>
#include <vector>

#include "core/control/platform.hpp"
#include "core/control/workers/worker_directory.hpp"
#include "core/control/workers/worker_hooks.hpp"

namespace skep::control {

class WorkerService {
 public:
  /// Both must outlive it.
  WorkerService(Platform& platform, WorkerDirectory& directory)
      : platform_(platform), directory_(directory) {}
  /// Before the first call of another.
  void listen(WorkerHooks hooks) { hooks_.push_back(std::move(hooks)); }

  /// kInvalid for what no worker can be called, kState "protocol-mismatch". [any]
  Result<api::RegistrationReply> enrol(const api::Registration& registration);
  /// kNotFound "unknown-worker", kState "worker-id-conflict". [any]
  Result<api::BeatReply> beat(const std::string& worker_id, const api::Beat& beat);
  Result<WorkerRecord> set_mode(const std::string& worker_id, api::WorkerMode mode);
  /// kState while it is there. [any]
  Status remove(const std::string& worker_id);
  /// The revision of the fleet registry that counts for it; -1 = there is none.
  std::int64_t registry_revision(const WorkerRecord& worker) const;

 private:
  Platform& platform_;
  WorkerDirectory& directory_;
  std::vector<WorkerHooks> hooks_;
};

}  // namespace skep::control
