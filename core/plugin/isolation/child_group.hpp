// The child processes of one generation of one component.
//
// Each child runs the same staged file through the same loader as the host would, and one task at a
// time, so that a crash costs that task alone. Children are started when tasks need them and kept
// warm; with `per_task` each task gets a fresh one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/plugin/isolation/limits.hpp"
#include "core/plugin/script_engine.hpp"
#include "core/plugin/stage.hpp"
#include "core/plugin/task_target.hpp"

namespace skep::plugin {

struct ChildPlugin {
  std::string plughost;  ///< the program skep-plughost, see find_plughost()
  Staged file;
  std::string plugin_id;
  std::string version;
  std::string component;
  std::string kind;         ///< SKEP_KIND_TASK or SKEP_KIND_SCRIPT_HOST
  std::string config_json;  ///< complete and valid
  std::uint64_t generation = 0;
  bool per_task = false;
  ChildLimits limits{};
  Millis cancel_grace{1'000};  ///< of the manifest, where the limits have none
  std::string state_dir{};     ///< of the node: kv spaces, and the children's folder; "" = none
  std::string node_id{};
  std::string site{};
  std::vector<std::string> permissions{};  ///< that the manifest names

  /// From cancellation or deadline to SIGKILL.
  Millis grace() const { return limits.cancel_grace.value_or(cancel_grace); }
};

struct ChildStats {
  std::int64_t children = 0;        ///< processes now
  std::int64_t busy = 0;            ///< of them, those that run a task
  std::int64_t started = 0;         ///< since the group began
  std::int64_t crashes = 0;         ///< ended by themselves while they ran a task
  std::int64_t kills = 0;           ///< ended by us: deaf to cancellation, over a limit, hostile
  std::int64_t start_failures = 0;  ///< in a row
  std::string state;                ///< ready, backoff, crash-loop or stopped
  std::string last_error;           ///< of the last child that did not start or that crashed
};

/// [any]
class ChildGroup {
 public:
  /// Starts one child, which loads, creates and starts the component. What it says on failure is
  /// the error, as if the plugin had been loaded here; "plugin-crashed" when it died.
  static Result<std::shared_ptr<ChildGroup>> start(ChildPlugin plugin);
  ChildGroup(const ChildGroup&) = delete;
  ChildGroup& operator=(const ChildGroup&) = delete;
  virtual ~ChildGroup() = default;

  /// REQUIRES: kind task. A target that outlives the group fails its tasks as unavailable.
  virtual std::unique_ptr<TaskTarget> task_target() = 0;
  /// REQUIRES: kind script_host. The same holds for the engine.
  virtual std::unique_ptr<ScriptEngine> scripts() = 0;
  virtual ChildStats stats() const = 0;
  /// Takes no more tasks, and ends all children: those that run one get `grace` to finish it, then
  /// they are killed and their tasks fail as retryable "unavailable". Idempotent. Destroying the
  /// last owner does the same with no grace.
  virtual void stop(Millis grace) = 0;
  void stop() { stop(Millis{0}); }

 protected:
  ChildGroup() = default;
};

/// The program that children run: beside this program (`skep-plughost`), or in
/// ../libexec/skep/ of an installed prefix. kNotFound naming both places. [any]
Result<std::string> find_plughost();

}  // namespace skep::plugin
