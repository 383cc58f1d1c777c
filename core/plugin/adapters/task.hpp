// Task components of plugins as one ports::TaskRunner.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/schema.hpp"
#include "core/plugin/slot_gate.hpp"
#include "core/ports/task_runner.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {

/// One task type: a started instance and what the manifest says of it.
class TaskComponent {
 public:
  struct Options {
    std::string plugin_id;
    ports::TaskType type;
    std::optional<api::Schema> params;  ///< none = any object
    std::int64_t max_concurrency = 0;   ///< 0 = no limit
  };
  /// `keep_alive` owns the instance.
  TaskComponent(const skep_task_v1* table, skep_inst* inst, std::shared_ptr<void> keep_alive,
                Options options);

  const ports::TaskType& type() const { return options_.type; }
  /// Checks the parameters, waits for a slot, runs.
  model::Outcome run(const ports::RunRequest& request, MonoMs deadline, ports::CancelToken& cancel,
                     const ports::TaskEvents& events);
  /// Runs with a finished request document.
  model::Outcome execute(std::string_view request_json, MonoMs deadline, ports::CancelToken& cancel,
                         const ports::TaskEvents& events);

 private:
  const skep_task_v1* table_;
  skep_inst* inst_;
  std::shared_ptr<void> keep_alive_;
  Options options_;
  SlotGate gate_;
};

/// Dispatches by task type. Fixed at construction; run() is [any].
class TaskRunnerAdapter final : public ports::TaskRunner {
 public:
  explicit TaskRunnerAdapter(std::vector<std::unique_ptr<TaskComponent>> components);
  /// An unknown type fails as retryable "not-found": the claim named this worker's types, so it was
  /// lost between claim and run, and another worker, or this one after a restart, may have it.
  model::Outcome run(const ports::RunRequest& request, MonoMs deadline, ports::CancelToken& cancel,
                     const ports::TaskEvents& events) override;
  std::vector<ports::TaskType> types() const override;

 private:
  std::map<std::string, std::unique_ptr<TaskComponent>, std::less<>> components_;
};

}  // namespace skep::plugin
