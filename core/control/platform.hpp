// What every feature of one control plane is built on.
#pragma once

#include <functional>
#include <vector>

#include "core/api/process_json.hpp"
#include "core/base/clock.hpp"
#include "core/control/queue_counts.hpp"
#include "core/control/settled_time.hpp"
#include "core/net/http.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

/// The two places where requests wait.
struct WaitLists {
  net::WaitList claims;  ///< key = worker id: its news, and work for it (see WaitingClaims)
  net::WaitList tasks;   ///< key = task id: its end, its new log chunks

  /// Ends the wait of `worker_id`, whatever it waits for.
  void wake_worker(const std::string& worker_id) { claims.wake(worker_id); }
  /// Ends the waits for news of `task_id`.
  void wake_task(const std::string& task_id) { tasks.wake(task_id); }
};

/// Ports and clock outlive it.
struct Platform {
  ports::Queue& queue;
  ports::Store& store;
  Clock& clock;
  WaitLists waits{};
  SettledTime settled{store, clock};
  QueueCounts counts{queue, clock};
  /// How the control plane is, as it was found last: asks nothing. [any]
  std::function<std::vector<api::Health::Check>()> checks{};
};

}  // namespace skep::control
