// How many threads this process has: a task that leaves one behind is caught by it.
#pragma once

#include <cstdint>

namespace skep::plughost {

std::int64_t thread_count();
/// How many more there are than `before`; waits a moment for threads that are joined already but
/// that the kernel has not quite taken down.
std::int64_t threads_beyond(std::int64_t before);

}  // namespace skep::plughost
