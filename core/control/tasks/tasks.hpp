// The feature "tasks": from a wish to a durable task, its lease, its result and its end.
#pragma once

#include <atomic>

#include "core/control/artifacts/artifacts.hpp"
#include "core/control/feature.hpp"
#include "core/control/tasks/lease_service.hpp"
#include "core/control/tasks/reaper.hpp"
#include "core/control/tasks/result_service.hpp"
#include "core/control/tasks/retention.hpp"
#include "core/control/tasks/task_metrics.hpp"
#include "core/control/tasks/task_service.hpp"
#include "core/control/tasks/task_totals.hpp"
#include "core/control/tasks/task_types.hpp"
#include "core/control/tasks/waiting_claims.hpp"
#include "core/control/workers/workers.hpp"

namespace skep::control {

/// What [control] says of tasks.
struct TaskSettings {
  std::int64_t lease_ms = 90'000;
  int max_attempts = 5;      ///< default of a task
  std::int64_t keep_ms = 0;  ///< how long ended tasks are kept; 0 = for ever
  ReaperOptions reaper;
  bool operator==(const TaskSettings&) const = default;
};
TaskSettings task_settings(const config::Config& config);

class Tasks final : public Feature {
 public:
  /// All must outlive it.
  Tasks(Platform& platform, const config::Config& config, Workers& workers, Artifacts& artifacts,
        const EventLog& events, const std::vector<ports::TaskType>& own_types);

  std::vector<Migrations> migrations() const override;
  Status load() override;
  std::vector<Service*> services() override { return {&reaper, &retention}; }
  std::vector<net::Route> routes() override;
  Status effects(std::span<const ports::Completion> ended, Effects& out) override;
  Status metrics(std::vector<prometheus::MetricFamily>& out) override;
  std::vector<Check> checks() override { return {{"background", reaper.health()}}; }
  WorkerHooks worker_hooks() override;
  void apply(const config::Config& config) override;

  Platform& platform;
  Workers& workers;
  const EventLog& events;
  Live<TaskSettings> settings;
  TaskTypes types;
  TaskMetrics counts;
  WaitingClaims waiting;
  TaskService service;
  LeaseService leases;
  ResultService results;
  Reaper reaper;
  Retention retention;

 private:
  Status learn_types(const std::vector<ports::TaskType>& brought);
  void look_again_for(const WorkerRecord& worker);
  void retire_unused_versions();
  Status registered(const WorkerRecord& now, const WorkerRecord* before,
                    api::RegistrationReply& reply);
  std::atomic<MonoMs> next_look_{0};
};

}  // namespace skep::control
