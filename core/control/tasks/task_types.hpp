// The task types this control plane knows: those of its own plugin folders and those that workers
// brought along when they registered, each in the versions that there are.
//
// Versions that nobody runs any more are remembered, over restarts too: what waits was accepted by
// them, and whoever takes as much may have it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/control/platform.hpp"
#include "core/control/tasks/type_versions.hpp"
#include "core/control/workers/workers.hpp"
#include "core/model/task.hpp"

namespace skep::control {

/// [any]
class TaskTypes {
 public:
  /// Beyond it, those that nobody runs are forgotten.
  static constexpr std::size_t kMostTypes = 1'024;

  /// `own` are the types found in this node's plugin paths. The others must outlive it.
  TaskTypes(Platform& platform, const Workers& workers, const std::vector<ports::TaskType>& own);
  static std::vector<std::string> migrations();
  Status load();

  /// The types that this node's plugin paths have now, instead of those they had.
  void set_own(const std::vector<ports::TaskType>& types);
  /// Workers ran these when the node ended; which is the newest stays, and none gives way.
  Status resume(const std::vector<ports::TaskType>& types);
  /// A worker that is known runs these. The names of those in which something changed for the
  /// workers that run them; nothing is learned when that cannot be written down. Of too many
  /// versions those give way that nobody runs, then those of workers that are gone or never showed
  /// their credential, the oldest first and none that a task needs; else the new one is left out.
  /// Reads many tasks for that, while others may learn and retire.
  Result<std::vector<std::string>> learn(const std::vector<ports::TaskType>& types);
  /// No worker runs this version any more, if that is so. A type of which none is in use is
  /// unknown.
  void retire(const ports::TaskType& type);
  /// Those of `types` that found no room.
  std::vector<ports::TaskType> left_out(const std::vector<ports::TaskType>& types) const;
  /// What that means, in words for people.
  static std::string one_too_many(const ports::TaskType& type);

  /// Checks the type's name and the parameters against every version in use; it is enough that one
  /// takes them. Adds the type's timeout and the requirement for a worker that takes them, and
  /// fills in no defaults: those of the version that runs it count. Errors: "unknown-task-type"
  /// with the nearest name, "schema" with what speaks against the nearest version, by pointer in
  /// `problems`.
  Status check(model::TaskSpec& spec, std::string_view what, std::string& problems) const;
  /// Parameters with the defaults of the newest version that takes them, as they were kept before
  /// tasks carried requirements; nothing when none does.
  std::optional<std::string> completed(const model::TaskSpec& spec) const;
  /// `worker` with the requirements that its versions of `types` fulfil, for placement.
  model::WorkerProfile seat(model::WorkerProfile worker,
                            const std::vector<ports::TaskType>& types) const;
  /// The parameters as the version among `types` wants them; nothing when they are for it already,
  /// or cannot be brought to it, which the worker then refuses.
  std::optional<std::string> migrated(const model::TaskSpec& spec,
                                      const std::vector<ports::TaskType>& types) const;
  /// For people: with "***" for what a version of the type calls "x-secret".
  model::Task shown(model::Task task) const;
  /// Why a worker with these types does not take the task's parameters, in words for people.
  std::string objection(const model::TaskSpec& spec,
                        const std::vector<ports::TaskType>& types) const;
  /// Versions in use by type, newest first.
  std::vector<std::vector<TypeVersion>> types() const;

 private:
  using Types = std::map<std::string, std::shared_ptr<const TypeVersions>, std::less<>>;
  std::shared_ptr<const Types> snapshot() const;
  void install(Types types);
  static const TypeVersion* find(const Types& types, const ports::TaskType& type);
  static bool are_in_use(const Types& types, const std::vector<ports::TaskType>& said);
  bool set_on_workers(const ports::TaskType& type, bool on) SKEP_REQUIRES(changes_);
  static TypeVersions versions_of(const Types& types, const std::string& name);
  void drop_surplus(Types& types, std::vector<ports::Statement>& statements) const;
  /// The schemas of a type that unfinished tasks name; nothing when these are too many to look at.
  using Named = std::optional<std::set<std::string>>;
  /// Whose versions give way.
  enum class Yield { kNobodys, kUnproven };
  Result<std::vector<std::string>> learn(const std::vector<ports::TaskType>& said, Yield yield);
  Result<std::vector<std::string>> try_learn(const std::vector<ports::TaskType>& said, Yield yield,
                                             const std::map<std::string, Named>& named,
                                             std::vector<std::string>& changed);
  std::vector<std::string> may_go(const TypeVersions& versions, Yield yield) const;
  Result<Named> named_by_tasks(const std::string& type) const;

  Platform& platform_;
  const Workers& workers_;
  Mutex changes_;  ///< one at a time
  mutable Mutex mutex_;
  std::shared_ptr<const Types> types_ SKEP_GUARDED_BY(mutex_) = std::make_shared<Types>();
};

}  // namespace skep::control
