// Calls into code that may never come back, without anything that the host asks of them.
#pragma once

#include <functional>

#include "core/plugin/call_threads.hpp"

namespace skep::plugin {

/// Runs `call` on one of the shared threads and waits for its end, at most `limit`; 0 = on this
/// thread, for ever. False when it is given up: it goes on with what it owns, and `late` runs on
/// its thread should it end after all. [any]
bool run_patiently(std::function<void()> call, Millis limit, std::function<void()> late = {});

}  // namespace skep::plugin
