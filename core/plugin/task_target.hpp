// What runs the tasks of one component or script: a plugin in this process, or a child process.
#pragma once

#include <string_view>

#include "core/model/task.hpp"

namespace skep::plugin {

class TaskCall;

/// One generation of one task type. [any]
class TaskTarget {
 public:
  virtual ~TaskTarget() = default;
  /// Runs one task to its end on this thread. `request_json` is what skep_task_v1.run gets. Output,
  /// cancellation and the deadline go through `call`, whose outcome() turns the code of run() into
  /// the answer; what the target itself did wrong (it crashed, it threw) is an outcome of its own.
  virtual model::Outcome run(TaskCall& call, std::string_view request_json) = 0;
};

}  // namespace skep::plugin
