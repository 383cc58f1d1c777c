// What `skep script new` and `skep plugin new --lang lua` write.
#pragma once

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

/// Writes NAME.lua and NAME_test.lua into --dir, or into the first script folder of the node of -c
/// and --set (or of the defaults), and prints the path. A usage error for what is no name of a task
/// type, kState when one of the files exists already.
Expected<int> make_script(Invocation& call);

}  // namespace skep::cli
