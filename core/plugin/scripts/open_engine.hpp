// Brings the language plugin into service, in children or in this process.
#pragma once

#include <memory>
#include <string>

#include "core/plugin/registry.hpp"
#include "core/plugin/script_engine.hpp"

namespace skep::plugin {

struct EngineOptions {
  std::string component = "lua";
  std::string table = "{}";  ///< [plugins.ID] as JSON: isolation, limits, and its own settings
  std::string isolation = "process";  ///< when the table does not say: inproc, process, per-task
  std::string staging_dir;
  std::string state_dir;
  std::string node_id{};
  std::string site{};
  Admission admission{};
};

/// The component among the plugins that `registry` knows. kNotFound when there is none, else what
/// staging, loading or starting said; list() of the registry says so too from then on. The engine
/// does not need the registry.
Result<std::shared_ptr<ScriptEngine>> open_script_engine(Registry& registry,
                                                         const EngineOptions& options);
/// Another one beside what serves, of which list() hears nothing: to look at a text of whomever, so
/// in a child whatever isolation says.
Result<std::shared_ptr<ScriptEngine>> open_spare_engine(const Registry& registry,
                                                        const EngineOptions& options);

}  // namespace skep::plugin
