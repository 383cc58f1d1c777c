// The task types this control plane knows: those of its own plugin folders and those that workers
// brought along when they registered.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/api/schema.hpp"
#include "core/model/task.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::control {

class Catalog {
 public:
  /// `own` are the types found in this node's plugin paths. A schema that does not compile makes
  /// its type accept any parameters, and is logged.
  explicit Catalog(const std::vector<ports::TaskType>& own);
  /// Types of a worker; the first description of a name stays, a newer version replaces it. [any]
  void learn(const std::vector<ports::TaskType>& types);
  /// Checks the type's name and the parameters, fills in defaults and the type's timeout. Errors:
  /// "unknown-task-type" with the nearest name, "schema" with every pointer in `problems`. [any]
  Status check(model::TaskSpec& spec, std::string_view what, std::string& problems) const;
  std::vector<ports::TaskType> types() const;

 private:
  struct Entry {
    ports::TaskType type;
    std::shared_ptr<const api::Schema> schema;  ///< null: anything goes
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace skep::control
