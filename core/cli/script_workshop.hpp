// One script on the workbench: loaded and run without a node, in a child process, because loading
// one runs what it does at its top level, and nobody has looked at it yet.
#pragma once

#include <memory>
#include <string>

#include "core/cli/session.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/script_engine.hpp"
#include "core/plugin/scripts/registry.hpp"

namespace skep::cli {

struct ScriptSource {
  std::string path;
  std::string file;  ///< its name, for messages
  std::string text;
};
Outcome<ScriptSource> read_source(const std::string& path);

/// Holds a temporary folder; what scripts keep with ctx.kv is gone with it.
class ScriptWorkshop {
 public:
  /// Finds the language among the plugins of the program, or in `plugin_paths`.
  static Outcome<std::unique_ptr<ScriptWorkshop>> open(std::vector<std::string> plugin_paths);
  ~ScriptWorkshop();
  ScriptWorkshop(const ScriptWorkshop&) = delete;
  ScriptWorkshop& operator=(const ScriptWorkshop&) = delete;

  /// What a script says of itself. `file` is for messages.
  Outcome<plugin::ScriptManifest> inspect(const std::string& file, const std::string& text);
  /// Runs a script with all that it declares; other task types are those of the plugins.
  /// `timeout` 0 = what the script says.
  Outcome<model::Outcome> run(const std::string& file, const std::string& text,
                              const std::string& params, Millis timeout,
                              const ports::TaskEvents& events);

 private:
  ScriptWorkshop(std::string folder, plugin::RegistryOptions options);
  std::string folder_;
  plugin::Registry registry_;
  std::shared_ptr<plugin::ScriptEngine> engine_;
  bool plugins_started_ = false;
};

/// --plugins, for commands that open a workshop.
Option language_option();

/// A Lua task that runs the tests of another one; its parameters are
/// {"script","script_file","test","test_file","schema"}, its result {"passed","failed"}, its output
/// TAP.
extern const char* const kTestHarness;

}  // namespace skep::cli
