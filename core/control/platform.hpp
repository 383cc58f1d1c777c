// What every feature of one control plane is built on.
#pragma once

#include "core/base/clock.hpp"
#include "core/net/http.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

/// The two places where requests wait.
struct WaitLists {
  net::WaitList claims;  ///< keys "claim <worker id>" and "news <worker id>"
  net::WaitList tasks;   ///< key = task id: its end, its new log chunks

  /// Ends the wait of `worker_id`, whatever it waits for.
  void wake_worker(std::string_view worker_id) {
    claims.wake([&](std::string_view key) {
      const std::size_t space = key.find(' ');
      return space != std::string_view::npos && key.substr(space + 1) == worker_id;
    });
  }
  /// Ends the waits for news of `task_id`.
  void wake_task(std::string_view task_id) {
    tasks.wake([&](std::string_view key) { return key == task_id; });
  }
};

/// Ports and clock outlive it.
struct Platform {
  ports::Queue& queue;
  ports::Store& store;
  Clock& clock;
  WaitLists waits{};
};

}  // namespace skep::control
