// One task type of a plugin or script: parameters checked, concurrency kept, run by its target.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/schema.hpp"
#include "core/plugin/concurrency_gate.hpp"
#include "core/plugin/generation.hpp"
#include "core/plugin/task_target.hpp"
#include "core/ports/task_runner.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {

/// A started instance in this process.
class InprocTarget final : public TaskTarget {
 public:
  /// `keep_alive` owns the instance. `plugin_id` is for messages.
  InprocTarget(const skep_task_v1* table, skep_inst* inst, std::shared_ptr<void> keep_alive,
               std::string plugin_id)
      : table_(table),
        inst_(inst),
        keep_alive_(std::move(keep_alive)),
        plugin_id_(std::move(plugin_id)) {}
  model::Outcome run(TaskCall& call, std::string_view request_json) override;

 private:
  const skep_task_v1* table_;
  skep_inst* inst_;
  std::shared_ptr<void> keep_alive_;
  std::string plugin_id_;
};

/// One task type: what runs it and what the manifest says of it.
class TaskComponent {
 public:
  struct Options {
    std::string plugin_id;  ///< "script:NAME" for a script; also the name of its kv space
    ports::TaskType type;
    std::optional<api::Schema> params;  ///< none = any object
    std::int64_t max_concurrency = 0;   ///< 0 = no limit
  };
  TaskComponent(std::unique_ptr<TaskTarget> target, Options options);

  struct Ran {
    model::Outcome outcome;
    CallEnd end = CallEnd::kOk;
  };

  const ports::TaskType& type() const { return options_.type; }
  /// Checks the parameters, waits for a slot, runs. `nested` (may be null) runs what the task asks
  /// for through skep.svc.task.
  Ran run(const ports::RunRequest& request, MonoMs deadline, ports::CancelToken& cancel,
          const ports::TaskEvents& events, ports::TaskRunner* nested);
  /// Runs a call with a finished request document.
  model::Outcome execute(TaskCall& call, std::string_view request_json);

 private:
  std::unique_ptr<TaskTarget> target_;
  Options options_;
  ConcurrencyGate gate_;
};

}  // namespace skep::plugin
