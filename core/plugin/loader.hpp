// Maps staged plugin files into the process. The only user of Boost.DLL.
#pragma once

#include "core/base/result.hpp"
#include "core/plugin/stage.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {

/// Loads the file, binds all its symbols and returns its checked table. Nothing is ever unloaded:
/// code that a plugin left behind (threads, handlers) would run into unmapped pages.
/// kInvalid with the dynamic linker's own words. [control]
Result<const skep_plugin_v1*> load_library(const Staged& staged);

}  // namespace skep::plugin
