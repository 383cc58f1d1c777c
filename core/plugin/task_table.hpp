// The task types of the node, each on one current generation of a plugin or script.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"
#include "core/plugin/adapters/task.hpp"
#include "core/plugin/generation.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::plugin {

/// What serves a type: the component and the books of the generation it belongs to.
struct ServedTask {
  std::shared_ptr<Generation> generation;
  std::shared_ptr<TaskComponent> component;
};

/// [any]
class TaskTable final : public ports::TaskRunner {
 public:
  /// From now on the types of the generation's owner are exactly these, served by it. Calls that
  /// are inside the generation before end there. kState, and no change, when a type is served by
  /// another owner.
  Status put(const std::shared_ptr<Generation>& generation,
             std::vector<std::shared_ptr<TaskComponent>> components);
  /// Takes all types of `owner` out. Calls inside go on; await them with Generation::wait_idle().
  void remove(std::string_view owner);
  /// New calls of the owner's types wait, bounded by their deadlines, until put() or remove().
  void hold(std::string_view owner);
  /// Lets the held types go on with what served them before.
  void release(std::string_view owner);
  /// What serves the owner's types now.
  std::vector<std::shared_ptr<TaskComponent>> components_of(std::string_view owner) const;
  /// Who serves the type, or "".
  std::string owner_of(std::string_view type) const;

  /// The whole call stays on the generation that served the type when it began. An unknown type
  /// fails as retryable "not-found": the claim named this worker's types, so it was lost between
  /// claim and run, and another worker, or this one later, may have it.
  model::Outcome run(const ports::RunRequest& request, MonoMs deadline, ports::CancelToken& cancel,
                     const ports::TaskEvents& events) override;
  /// By name.
  std::vector<ports::TaskType> types() const override;
  void on_change(std::function<void()> changed) override;
  /// Hears when types went that somebody else may serve now; must not block. An empty one replaces
  /// it.
  void on_freed(std::function<void()> freed);

 private:
  struct Entry {
    ServedTask task;
    std::shared_ptr<UniqueFd> held;  ///< eventfd, readable once it goes on; null = not held
  };
  struct Entered {
    Generation::Visit visit;  ///< ends after the reference to the component has gone
    std::shared_ptr<TaskComponent> component;
  };
  std::optional<Entered> enter(const std::string& type, MonoMs deadline,
                               ports::CancelToken& cancel);
  model::Outcome unknown(const std::string& type) const;
  void tell(bool freed) const;

  mutable Mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_ SKEP_GUARDED_BY(mutex_);
  mutable Mutex listener_mutex_;  ///< held while a listener runs, so it can be replaced
  std::function<void()> changed_ SKEP_GUARDED_BY(listener_mutex_);
  std::function<void()> freed_ SKEP_GUARDED_BY(listener_mutex_);
};

}  // namespace skep::plugin
