// Runs Lua scripts in this process through the real plugin, the real services and a real table.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/plugin/registry.hpp"
#include "core/plugin/script_engine.hpp"
#include "core/plugin/task_table.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {

struct ScriptRun {
  model::Outcome outcome;
  std::string out;
  std::string err;
  std::vector<std::string> logs;
  std::vector<std::string> progress;  ///< "500 note"
};

class ScriptRig {
 public:
  /// `lua_table` is [plugins.lua] as JSON.
  explicit ScriptRig(const std::string& lua_table = "{}", const std::string& isolation = "inproc");

  plugin::ScriptEngine& engine() { return *engine_; }
  std::shared_ptr<plugin::ScriptEngine> shared_engine() { return engine_; }
  std::shared_ptr<plugin::TaskTable> table() { return registry_.task_table(); }
  const std::string& state_dir() const { return dir_.path(); }

  /// The manifest, or the message of the refusal.
  Result<std::string> load(const std::string& source);
  /// Loads the text as t.lua and runs it under the permissions granted.
  ScriptRun run(const std::string& source, const std::string& params = "{}",
                const std::vector<std::string>& granted = {"exec", "facts", "http", "kv", "task"},
                Millis timeout = Millis{120'000});
  /// Runs `body`, the text of run()'s body, in a task "t" with all permissions.
  ScriptRun body(const std::string& body, const std::string& params = "{}");
  /// Brings the task types of all plugins into the table.
  bool start_plugins() { return static_cast<bool>(registry_.tasks()); }
  /// Cancels what runs now.
  void cancel();

 private:
  TempDir dir_;
  plugin::Registry registry_;
  std::shared_ptr<plugin::ScriptEngine> engine_;
  std::mutex mutex_;
  ports::CancelToken* running_ = nullptr;
};

/// A file with a task "t" whose run() has this body.
std::string script_with(const std::string& body, const std::string& permissions = "");

}  // namespace skep::test
