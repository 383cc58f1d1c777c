// Gives an attempt its inputs before it runs, and makes durable what it left.
#pragma once

#include <functional>

#include "core/ports/task_runner.hpp"
#include "core/worker/attempt_folders.hpp"

namespace skep::worker {

/// Brings an input to `path`, whole and of the right hash. kNotFound, kInvalid or kDenied: it will
/// never come; kCancelled: `cancel` or the deadline ended it; anything else may pass.
using FetchInput =
    std::function<Status(const model::Lease& lease, const model::Input& input,
                         const std::string& path, MonoMs deadline, ports::CancelToken& cancel)>;

/// Runs by another runner. What an outcome names as its artifacts is sealed when run() returns;
/// the folder of one that has none is gone. [any]
class ArtifactRunner final : public ports::TaskRunner {
 public:
  /// Both outlive it.
  ArtifactRunner(ports::TaskRunner& runner, AttemptFolders& folders, FetchInput fetch)
      : runner_(runner), folders_(folders), fetch_(std::move(fetch)) {}
  model::Outcome run(const ports::RunRequest& request, MonoMs deadline, ports::CancelToken& cancel,
                     const ports::TaskEvents& events) override;
  std::vector<ports::TaskType> types() const override { return runner_.types(); }
  void on_change(std::function<void()> changed) override { runner_.on_change(std::move(changed)); }

 private:
  Status fetch_inputs(const model::ClaimedTask& task, MonoMs deadline, ports::CancelToken& cancel);
  ports::TaskRunner& runner_;
  AttemptFolders& folders_;
  const FetchInput fetch_;
};

}  // namespace skep::worker
