// Scripts without a node: loaded and run in a child process, because loading one runs what it does
// at its top level, and nobody has looked at it yet.
#pragma once

#include <memory>
#include <string>

#include "core/cli/base/command.hpp"
#include "core/cli/base/console.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/script_engine.hpp"
#include "core/plugin/scripts/catalog.hpp"

namespace skep::cli {

struct ScriptSource {
  std::string path;
  std::string file;  ///< its name, for messages
  std::string text;
};
Expected<ScriptSource> read_source(const std::string& path);

/// Holds a temporary folder; what scripts keep with ctx.kv is gone with it.
class ScriptRunner {
 public:
  /// Finds the language among the plugins of the program, or in `plugin_paths`.
  static Expected<std::unique_ptr<ScriptRunner>> open(std::vector<std::string> plugin_paths);
  ~ScriptRunner();
  ScriptRunner(const ScriptRunner&) = delete;
  ScriptRunner& operator=(const ScriptRunner&) = delete;

  /// What a script says of itself. `file` is for messages.
  Expected<plugin::ScriptManifest> inspect(const std::string& file, const std::string& text);
  /// Runs a script with all that it declares; other task types are those of the plugins.
  /// `timeout` 0 = what the script says.
  Expected<model::Outcome> run(const std::string& file, const std::string& text,
                               const std::string& params, Millis timeout,
                               const ports::TaskEvents& events);

 private:
  ScriptRunner(std::string folder, plugin::RegistryOptions options);
  std::string folder_;
  plugin::Registry registry_;
  std::shared_ptr<plugin::ScriptEngine> engine_;
  bool plugins_started_ = false;
};

/// --plugins, for commands that open a runner.
Option language_option();

}  // namespace skep::cli
