// TaskSpec -> Task: checks a wish, makes it durable, wakes whoever may run it. Also what people do
// to tasks afterwards: read, cancel, retry, explain.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/api/task_views.hpp"
#include "core/control/artifacts/artifacts.hpp"
#include "core/control/platform.hpp"
#include "core/control/tasks/task_types.hpp"
#include "core/control/tasks/waiting_claims.hpp"
#include "core/control/workers/worker_directory.hpp"

namespace skep::control {

class TaskService {
 public:
  /// All must outlive it.
  TaskService(Platform& platform, const TaskTypes& types, WorkerDirectory& workers,
              WaitingClaims& waiting, Artifacts& artifacts)
      : queue_(platform.queue),
        waits_(platform.waits),
        clock_(platform.clock),
        types_(types),
        workers_(workers),
        waiting_(waiting),
        artifacts_(artifacts) {}

  using Submitted = api::Submitted;
  /// All or nothing. What repeats a task that is known by its key is answered by that task, also
  /// when it would be refused as a new one. `problems` gets [{pointer,message}] when parameters do
  /// not fit. kState "idempotency-conflict" when a key belongs to a different task; kInvalid
  /// "unknown-input" for one that is to read what is not here. [any]
  Result<std::vector<Submitted>> submit(std::vector<model::TaskSpec> specs, std::string& problems);
  Result<model::Task> get(const std::string& id);
  Result<model::Task> cancel(const std::string& id, const std::string& actor);
  /// kState "still-running" for one that a worker has, unless `force`: that stops the attempt, and
  /// what it did so far may happen twice. "not-retryable" for one that is queued already,
  /// "attempt-changed" when another attempt began meanwhile: that one goes on.
  Result<model::Task> retry(const std::string& id, bool force);

  using Explanation = api::Explanation;
  Result<Explanation> explain(const std::string& id);

 private:
  static Result<std::vector<ArtifactLedger::Pin>> inputs_of(const std::vector<model::Task>& tasks);
  void unpin_repeats(const std::vector<ArtifactLedger::Pin>& pins,
                     const std::vector<model::Task>& tasks,
                     const std::vector<ports::Enqueued>& verdicts);
  /// `own_timeout`: of each task, whether the request gave one.
  Result<std::vector<ports::Enqueued>> enqueue(WallMs now, std::vector<model::Task>& tasks,
                                               const std::vector<bool>& own_timeout);
  bool adopt(model::TaskSpec& spec, bool own_timeout, const model::TaskSpec& known) const;
  Status accept(model::TaskSpec& spec, WallMs now, const std::string& what,
                std::string& problems) const;
  /// Gives `spec` what its task was accepted with. False when no task has its key.
  Result<bool> repeat(model::TaskSpec& spec, bool own_timeout) const;
  /// Tells the holder of the task's current attempt to stop it.
  void void_attempt(const model::Task& task);
  ports::Queue& queue_;
  WaitLists& waits_;
  const Clock& clock_;
  const TaskTypes& types_;
  WorkerDirectory& workers_;
  WaitingClaims& waiting_;
  Artifacts& artifacts_;
};

}  // namespace skep::control
