// Time as the calls of the ABI have it: CLOCK_MONOTONIC in nanoseconds.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/clock.hpp"

namespace skep::plugin {

std::int64_t monotonic_ns();
/// Of a deadline in ms; INT64_MAX for 0, which is none.
std::int64_t deadline_in_ns(MonoMs deadline);
/// Sleeps until one of the descriptors (-1 = none) is readable or `until_ns` is there, perhaps
/// less. True when the second one is readable.
bool poll_until(std::array<int, 2> fds, std::int64_t until_ns);

}  // namespace skep::plugin
