// Looks at files that may be on a mount that does not answer.
#pragma once

#include <functional>
#include <string>

#include "skep/task.hpp"

namespace skep::script {

/// What `look` returns or throws, on a thread of its own: when it takes longer than the call may,
/// it holds that thread and nothing else. Throws Fault, then with SKEP_E_CANCELLED or
/// SKEP_E_DEADLINE. `look` owns all that it uses.
std::string in_time(const Call& call, std::function<std::string()> look);

}  // namespace skep::script
