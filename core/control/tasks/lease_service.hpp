// Task -> Lease: the control plane's half of a claim, and what becomes of a lease until its result
// comes: renewed by beats, handed back, given up when its worker is another process now.
//
// Who may have a task is decided in the queue's claim, by the rules of placement.hpp.
#pragma once

#include <optional>
#include <string>

#include "core/api/wire.hpp"
#include "core/base/live.hpp"
#include "core/control/platform.hpp"
#include "core/control/tasks/task_types.hpp"
#include "core/control/tasks/waiting_claims.hpp"
#include "core/control/workers/worker_service.hpp"

namespace skep::control {

class LeaseService {
 public:
  /// All must outlive it.
  LeaseService(Platform& platform, WorkerDirectory& directory, const WorkerService& workers,
               const TaskTypes& types, WaitingClaims& waiting, std::int64_t lease_ms)
      : platform_(platform),
        directory_(directory),
        workers_(workers),
        types_(types),
        waiting_(waiting),
        lease_ms_(lease_ms) {}

  void set_lease(std::int64_t lease_ms) { lease_ms_.set(lease_ms); }
  std::int64_t lease_ms() const { return lease_ms_.get(); }

  struct Claimed {
    api::ClaimReply reply;
    std::optional<net::Wait> wait;  ///< nothing to say yet
  };
  /// The run of a claim's handler.
  struct Run {
    bool first = true;
    bool closing = false;  ///< the answer may not reach anybody, so no task is handed out
    MonoMs until = 0;      ///< so long it may wait
  };
  /// kNotFound "unknown-worker", kState "worker-id-conflict". [any]
  Result<Claimed> claim(const std::string& worker_id, const api::ClaimRequest& request,
                        const Run& run);
  /// Tasks go back unfinished. [any]
  Result<api::BeatReply> release(const std::string& worker_id, const api::ReleaseRequest& request);
  /// A beat: its leases are renewed. A worker that says goodbye with nothing left to send holds
  /// nothing: what it has leased without ever seeing it (a claim cut off by its drain) goes back.
  Status beat(WallMs now, const WorkerRecord& worker, api::BeatReply& reply);

 private:
  Status release_unseen(WallMs now, const WorkerRecord& worker);
  Result<std::vector<ports::LeaseVerdict>> release(WallMs now,
                                                   std::span<const model::Lease> leases);
  net::Wait wait_of(const std::string& worker_id, std::uint64_t ticket, MonoMs until,
                    bool for_work);
  Platform& platform_;
  WorkerDirectory& directory_;
  const WorkerService& workers_;
  const TaskTypes& types_;
  WaitingClaims& waiting_;
  Live<std::int64_t> lease_ms_;
};

}  // namespace skep::control
