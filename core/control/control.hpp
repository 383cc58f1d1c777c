// The control role: everything behind the API, built on a queue, a store and a clock.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/live.hpp"
#include "core/control/artifacts.hpp"
#include "core/control/catalog.hpp"
#include "core/control/metrics.hpp"
#include "core/control/reaper.hpp"
#include "core/control/reconciler.hpp"
#include "core/control/result_service.hpp"
#include "core/control/retention.hpp"
#include "core/control/task_service.hpp"
#include "core/control/worker_directory.hpp"

namespace skep::control {

struct ControlOptions {
  std::int64_t lease_ms = 90'000;
  int max_attempts = 5;      ///< default of a task
  std::int64_t keep_ms = 0;  ///< how long ended tasks are kept; 0 = for ever
  WorkerDirectory::Limits workers;
  ReaperOptions reaper;

  bool operator==(const ControlOptions&) const = default;
};

/// The parts, in the order in which they need each other. The ports and the clock must outlive
/// it; the server that serves `routes()` must be stopped before it goes.
class Control {
 public:
  Control(ports::Queue& queue_port, ports::Store& store_port, Clock& clock_port,
          const std::vector<ports::TaskType>& own_types, ControlOptions opts);
  ~Control();
  /// Brings the store's schema up to date, loads workers, starts the background services.
  Status start();
  void stop();

  /// Options from now on; `reaper.grace_ms` counts at a start only. [any]
  void apply(const ControlOptions& next);

  /// The whole route table.
  std::vector<net::Route> routes();

  ports::Queue& queue;
  ports::Store& store;
  Clock& clock;
  Live<ControlOptions> options;
  Catalog catalog;
  WaitLists waits;
  Metrics metrics;
  WorkerDirectory workers;
  TaskService tasks;
  ResultService results;
  Artifacts artifacts;
  Reaper reaper;
  Reconciler reconciler;
  Retention retention;
};

}  // namespace skep::control
