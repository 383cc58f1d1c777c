// Calls into code that may never come back.
#pragma once

#include <functional>

#include "core/base/clock.hpp"

namespace skep::plugin {

/// Runs `call` on a thread of its own and waits for its end, at most `limit`; 0 = on this thread,
/// for ever. False when it is given up: it goes on with what it owns, and `late` runs on its thread
/// should it end after all. [any]
bool run_patiently(std::function<void()> call, Millis limit, std::function<void()> late = {});
/// Calls that were given up and have not ended: the process must end by _exit(). [any]
int given_up_calls();

}  // namespace skep::plugin
