// Tells the control plane again what this worker is, when that changed while it runs.
#pragma once

#include <functional>
#include <memory>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/membership.hpp"
#include "core/worker/returner.hpp"

namespace skep::worker {

/// Beside the claim loop and on a connection of its own: a claim that waits at the control plane
/// goes on there with the new types, and running tasks notice nothing. What the returner holds goes
/// back with the answer: what this worker does not take does not come here again.
class Registrar final : public Service {
 public:
  /// Collaborators outlive it. `registration` is called on its thread.
  Registrar(std::unique_ptr<ControlPlane> control, std::function<api::Registration()> registration,
            Returner& returner, Membership& membership, Clock& clock);
  ~Registrar() override { stop(); }
  /// Several calls in a row become one registration. [any]
  void announce();

 protected:
  void run(std::stop_token stop) override;

 private:
  bool take_due(std::stop_token stop);
  bool register_again(std::stop_token stop);

  const std::unique_ptr<ControlPlane> control_;
  const std::function<api::Registration()> registration_;
  Returner& returner_;
  Membership& membership_;
  Clock& clock_;
  Backoff backoff_;
  Complaint complaint_;
  Mutex mutex_;
  StoppableCondVar change_;
  bool due_ SKEP_GUARDED_BY(mutex_) = false;
};

}  // namespace skep::worker
