// TaskSpec -> Task: checks a wish, makes it durable, wakes whoever may run it. Also what people do
// to tasks afterwards: read, cancel, retry, explain.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/control/catalog.hpp"
#include "core/control/worker_directory.hpp"
#include "core/net/http.hpp"
#include "core/ports/queue.hpp"

namespace skep::control {

/// The two places where requests wait.
struct WaitLists {
  net::WaitList claims;  ///< keys "claim <worker id>" and "news <worker id>"
  net::WaitList tasks;   ///< key = task id: its end, its new log chunks
};

class TaskService {
 public:
  TaskService(ports::Queue& queue, Catalog& catalog, WorkerDirectory& workers, WaitLists& waits,
              const Clock& clock)
      : queue_(queue), catalog_(catalog), workers_(workers), waits_(waits), clock_(clock) {}

  struct Submitted {
    model::Task task;
    bool existed = false;  ///< the idempotency key was known with the same content
  };
  /// All or nothing. `problems` gets [{pointer,message}] when parameters do not fit. kState
  /// "idempotency-conflict" when a key belongs to a different task. [any]
  Result<std::vector<Submitted>> submit(std::vector<model::TaskSpec> specs, std::string& problems);
  Result<model::Task> get(const std::string& id);
  Result<model::Task> cancel(const std::string& id);
  Result<model::Task> retry(const std::string& id);

  struct Explanation {
    model::Task task;
    std::string summary;
    std::string next;
    struct Line {
      std::string worker_id;
      bool eligible = false;
      std::string reason;
    };
    std::vector<Line> workers;  ///< of a task that waits
  };
  Result<Explanation> explain(const std::string& id);

  /// Wakes waiting claims for tasks that can be claimed now.
  void announce(std::span<const model::Task> tasks);
  /// May this worker be given work: it wants some, and it is not silent.
  bool takes_work(const WorkerRecord& worker) const;

 private:
  /// Tells the holder of the task's current attempt to stop it.
  void void_attempt(const model::Task& task);
  ports::Queue& queue_;
  Catalog& catalog_;
  WorkerDirectory& workers_;
  WaitLists& waits_;
  const Clock& clock_;
};

}  // namespace skep::control
