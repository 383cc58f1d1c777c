// Listens for cancellations, mode changes and the registry while the claim loop has nothing to ask
// for.
#pragma once

#include <memory>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/executor.hpp"
#include "core/worker/membership.hpp"
#include "core/worker/release_fetcher.hpp"
#include "core/worker/settings.hpp"

namespace skep::worker {

struct InstructionOptions {
  std::string incarnation;
  Millis hold{20'000};
};

/// A long poll for 0 tasks on its own connection, so that a slot that gets free never waits for it.
/// Its thread starts when it is first needed.
class InstructionLoop final : public Service {
 public:
  /// Collaborators outlive the loop.
  InstructionLoop(InstructionOptions options, std::unique_ptr<ControlPlane> control,
                  const LiveSettings& settings, Executor& executor, Membership& membership,
                  ReleaseFetcher& releases, Clock& clock);
  ~InstructionLoop() override { stop(); }

  /// Whether to listen from now on. A request under way runs to its end. [claim thread]
  void listen(bool wanted);

 protected:
  void run(std::stop_token stop) override;

 private:
  const InstructionOptions options_;
  const std::unique_ptr<ControlPlane> control_;
  const LiveSettings& settings_;
  Executor& executor_;
  Membership& membership_;
  ReleaseFetcher& releases_;
  Clock& clock_;
  Mutex mutex_;
  StoppableCondVar change_;
  bool wanted_ SKEP_GUARDED_BY(mutex_) = false;
};

}  // namespace skep::worker
