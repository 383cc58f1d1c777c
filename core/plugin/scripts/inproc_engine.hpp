// Scripts in this process: for `isolation = "inproc"`, for commands that run a script once, and for
// tests. Whatever a script does that its language cannot stop, this process does.
#pragma once

#include <memory>

#include "core/plugin/instance.hpp"
#include "core/plugin/script_engine.hpp"

namespace skep::plugin {

/// REQUIRES: a started instance of kind script_host.
std::unique_ptr<ScriptEngine> inproc_engine(std::shared_ptr<Instance> instance);

}  // namespace skep::plugin
