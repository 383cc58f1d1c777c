#include "core/plugin/concurrency_gate.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace skep::plugin {
namespace {

constexpr std::int64_t kLongestPollMs = 60'000;

int poll_ms(MonoMs deadline) {
  if (deadline == 0) return static_cast<int>(kLongestPollMs);
  return static_cast<int>(
      std::clamp<std::int64_t>(deadline - SystemClock().mono_ms(), 0, kLongestPollMs));
}

}  // namespace

ConcurrencyGate::ConcurrencyGate(std::int64_t slots) : limited_(slots > 0), free_(slots) {
  if (!limited_) return;
  wakeups_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
  if (!wakeups_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

bool ConcurrencyGate::try_acquire() {
  std::int64_t free = free_.load();
  while (free > 0)
    if (free_.compare_exchange_weak(free, free - 1)) return true;
  return false;
}

bool ConcurrencyGate::acquire(int cancel_fd, MonoMs deadline) {
  if (!limited_ || try_acquire()) return true;
  // Invariant: a waiter counts itself before it looks, a releaser frees before it counts waiters;
  // both are sequentially consistent, so one of them sees the other.
  ++waiters_;
  bool taken = false;
  for (;;) {
    taken = try_acquire();
    if (taken) break;
    std::array<pollfd, 2> fds{pollfd{wakeups_.get(), POLLIN, 0}, pollfd{cancel_fd, POLLIN, 0}};
    ::poll(fds.data(), fds.size(), poll_ms(deadline));
    if (fds[1].revents != 0) break;
    std::uint64_t unit = 0;
    const auto got = ::read(wakeups_.get(), &unit, sizeof(unit));
    if (got < 0 && deadline != 0 && SystemClock().mono_ms() >= deadline) break;
  }
  --waiters_;
  return taken;
}

void ConcurrencyGate::release() {
  if (!limited_) return;
  ++free_;
  if (waiters_.load() == 0) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto wrote = ::write(wakeups_.get(), &one, sizeof(one));  // full = awake
}

}  // namespace skep::plugin
