// The worker role of a node: spool, heartbeat, task plugins, the worker's loops.
#pragma once

#include <functional>
#include <memory>

#include "core/api/process_json.hpp"
#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/scripts/registry.hpp"
#include "core/plugin/task_table.hpp"
#include "core/worker/worker.hpp"

namespace skep::app {

class WorkerRole {
 public:
  /// `admission` is asked before a script is loaded. `own_join_token`, unless "", goes before those
  /// of the configuration. `on_conflict` runs when another process took
  /// this worker's id. `registry` and `clock` must outlive it.
  static Result<std::unique_ptr<WorkerRole>> start(const config::Config& config,
                                                   plugin::Registry& registry,
                                                   plugin::Admission admission, Clock& clock,
                                                   std::string own_join_token,
                                                   std::function<void()> on_conflict);
  /// Takes what is live of [worker]. [any]
  void apply(const config::Config& config);
  /// Drains; blocks. hurry() from another thread cuts it short.
  worker::DrainReport drain() { return worker_->drain(); }
  void hurry() { worker_->hurry(); }
  /// The node's scripts; without a script host all have failed. [any]
  std::vector<plugin::ScriptInfo> scripts() const;
  /// Whether it takes tasks, or why not; and, as advice, what else is wrong. [any]
  std::vector<api::Health::Check> checks() const;

 private:
  using Engine = Result<std::shared_ptr<plugin::ScriptEngine>>;

  WorkerRole() = default;
  /// Without a script host the node goes on, with a word in the log.
  Status start_scripts(const config::Config& config, Engine engine, plugin::Admission admission);
  std::unique_ptr<ports::Spool> spool_;
  std::unique_ptr<ports::Heartbeat> heartbeat_;
  std::shared_ptr<plugin::TaskTable> tasks_;
  std::unique_ptr<plugin::ScriptRegistry> scripts_;  ///< null without a script host
  std::vector<std::string> script_folders_;
  std::string no_scripts_;  ///< why there is no script host
  std::unique_ptr<worker::Worker> worker_;
};

}  // namespace skep::app
