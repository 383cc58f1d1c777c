// The task types this control plane knows: those of its own plugin folders and those that workers
// brought along when they registered.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/schema.hpp"
#include "core/base/mutex.hpp"
#include "core/model/task.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::control {

/// Of one name, what a worker said last counts more than what the own folders say: it runs there. A
/// schema that does not compile makes its type accept any parameters, and is logged. [any]
class TaskTypes {
 public:
  /// `own` are the types found in this node's plugin paths.
  explicit TaskTypes(const std::vector<ports::TaskType>& own) { set_own(own); }
  /// The types that this node's plugin paths have now, instead of those they had.
  void set_own(const std::vector<ports::TaskType>& types);
  /// Types of a worker; the last description of a name counts.
  void learn(const std::vector<ports::TaskType>& types);
  /// No worker runs this type any more.
  void forget(std::string_view name);
  /// Checks the type's name and the parameters, fills in defaults and the type's timeout. Errors:
  /// "unknown-task-type" with the nearest name, "schema" with every pointer in `problems`.
  Status check(model::TaskSpec& spec, std::string_view what, std::string& problems) const;
  std::vector<ports::TaskType> types() const;

 private:
  struct Entry {
    ports::TaskType type;
    std::shared_ptr<const api::Schema> schema;  ///< null: anything goes
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  static Entry compile(const ports::TaskType& type);
  /// Null when unknown.
  const Entry* find(std::string_view name) const SKEP_REQUIRES(mutex_);
  /// own_ and learned_ as one.
  Entries all() const SKEP_REQUIRES(mutex_);

  mutable Mutex mutex_;
  Entries own_ SKEP_GUARDED_BY(mutex_);
  Entries learned_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::control
