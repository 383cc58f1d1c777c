// Hands attempts back that this node could not run, while it runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/membership.hpp"

namespace skep::worker {

/// Beside the claim loop, which may wait for tasks: the next worker gets them at once.
class Returner final : public Service {
 public:
  /// Collaborators outlive it.
  Returner(std::string incarnation, std::unique_ptr<ControlPlane> control, Membership& membership,
           Clock& clock);
  ~Returner() override { stop(); }
  /// [any]
  void give(model::Lease lease);
  /// Goes back with a let_go(): before, it would only come here again. [any]
  void hold(model::Lease lease);
  std::size_t held() const;  ///< those that wait for a let_go() [any]
  std::size_t size() const;  ///< all that are not handed back yet [any]
  /// Gives the `count` that are held longest, or all when there are fewer. [any]
  void let_go(std::size_t count);
  /// Those that are not handed back yet; their leases must live on. [any]
  std::vector<ports::Renewal> pending() const;
  /// What stop() left.
  std::vector<model::Lease> take();

 protected:
  void run(std::stop_token stop) override;

 private:
  bool wait_for_some(std::stop_token stop);
  bool hand_back();

  const std::string incarnation_;
  const std::unique_ptr<ControlPlane> control_;
  Membership& membership_;
  Clock& clock_;
  Backoff backoff_;
  Complaint complaint_;
  mutable Mutex mutex_;
  StoppableCondVar given_;
  std::vector<model::Lease> leases_ SKEP_GUARDED_BY(mutex_);
  std::vector<model::Lease> held_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::worker
