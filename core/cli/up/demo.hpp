// The work that `skep up` shows: facts of every site, and a script with its output live.
#pragma once

#include <string>
#include <vector>

#include "core/cli/base/client.hpp"
#include "core/cli/base/console.hpp"

namespace skep::cli {

/// True when every task succeeded; one that did not is said on `err`. A Failure when the control
/// plane does not answer or the user interrupts.
Expected<bool> run_demo(Client& api, const Console& console, const std::vector<std::string>& sites);

}  // namespace skep::cli
