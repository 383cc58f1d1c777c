// Tasks that a task in this process asks for: the host runs them.
#pragma once

#include "core/plugin/isolation/frames.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::plughost {

/// Of one call; used on its thread. The answer is read from the same connection, which the host
/// keeps free of anything else meanwhile.
class NestedTasks final : public ports::TaskRunner {
 public:
  explicit NestedTasks(plugin::frames::Link& link) : link_(link) {}
  /// Of the request only the type and the parameters travel; the host knows the rest itself.
  model::Outcome run(const ports::RunRequest& request, MonoMs deadline, ports::CancelToken& cancel,
                     const ports::TaskEvents& events) override;
  std::vector<ports::TaskType> types() const override { return {}; }

 private:
  plugin::frames::Link& link_;
};

}  // namespace skep::plughost
