#include "core/plugin/adapters/call_wait.hpp"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <limits>

namespace skep::plugin {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::int64_t monotonic_ns() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * kNsPerSecond + ts.tv_nsec;
}

std::int64_t deadline_in_ns(MonoMs deadline) {
  return deadline == 0 || deadline > kForever / kNsPerMs ? kForever : deadline * kNsPerMs;
}

bool poll_until(std::array<int, 2> fds, std::int64_t until_ns) {
  const std::int64_t left = std::max<std::int64_t>(0, until_ns - monotonic_ns());
  const timespec timeout{left / kNsPerSecond, left % kNsPerSecond};
  std::array<pollfd, 2> polled{pollfd{fds[0], POLLIN, 0}, pollfd{fds[1], POLLIN, 0}};
  return ::ppoll(polled.data(), polled.size(), &timeout, nullptr) > 0 && polled[1].revents != 0;
}

}  // namespace skep::plugin
