// Brings the artifacts of results home, before the results that name them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/ports/queue.hpp"
#include "core/worker/attempt_folders.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/pending_envelope.hpp"

namespace skep::worker {

struct ArtifactSenderOptions {
  /// The envelope with this label may go now. Called on the sender's thread, without a lock.
  std::function<void(const std::string& label)> ready;
  Millis first_pause{500};
  Millis last_pause{10'000};
};

/// One artifact at a time, from where the control plane has it to its end. Whatever is in the way
/// ends some day, but for a verdict of the control plane itself: of an artifact that it will never
/// take the result goes without, and the control plane says so of the artifact.
class ArtifactSender final : public Service {
 public:
  /// Collaborators outlive the sender.
  ArtifactSender(ArtifactSenderOptions options, std::unique_ptr<ControlPlane> control,
                 AttemptFolders& folders, Clock& clock);
  ~ArtifactSender() override { stop(); }

  /// Whether all artifacts of the envelope are home; true once, then it is looked at again. Else
  /// they are brought, and ready() told when they are. [any]
  bool may_go(const PendingEnvelope& envelope);
  /// Attempts whose artifacts are on their way; their leases must live on. [any]
  std::vector<ports::Renewal> pending() const;
  /// There is something to bring, and nothing in its way. [any]
  bool is_bringing() const;

 protected:
  void run(std::stop_token stop) override;

 private:
  struct Job {
    std::string key;    ///< of the envelope
    std::string label;  ///< what the sender of envelopes calls it
    model::Lease lease;
    std::vector<model::Artifact> artifacts;
    Millis pause{0};
    MonoMs again = 0;
  };
  std::optional<Job> next(std::stop_token stop);
  Status bring(const Job& job, const std::stop_token& stop);
  Status bring(const Job& job, const model::Artifact& artifact, const std::stop_token& stop);
  void settle(const Job& job);
  void retry(const Job& job, const Error& error);
  Job* find(const std::string& key) SKEP_REQUIRES(mutex_);

  const ArtifactSenderOptions options_;
  const std::unique_ptr<ControlPlane> control_;
  AttemptFolders& folders_;
  Clock& clock_;
  Complaint complaint_;  ///< the sender's thread

  mutable Mutex mutex_;
  StoppableCondVar work_;
  std::deque<Job> jobs_ SKEP_GUARDED_BY(mutex_);
  std::set<std::string> home_ SKEP_GUARDED_BY(mutex_);  ///< keys of which may_go() is true
};

}  // namespace skep::worker
