// The cancellation of a call as a std::stop_token.
#ifndef SKEP_STOP_TOKEN_HPP
#define SKEP_STOP_TOKEN_HPP

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stop_token>
#include <string>
#include <thread>

#include "skep/host.hpp"

namespace skep {

/// Requests a stop once the call is cancelled or its time is up. A thread of its own looks, from
/// the constructor to the destructor, which must come before the call returns.
class StopOnCancel {
 public:
  explicit StopOnCancel(skep_call* call)
      : call_(call), ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (ended_ < 0)
      throw Fault(SKEP_E_UNAVAILABLE, std::string("eventfd: ") + std::strerror(errno));
    try {
      thread_ = std::thread([this] { look(); });
    } catch (...) {
      ::close(ended_);
      throw;
    }
  }
  StopOnCancel(const StopOnCancel&) = delete;
  StopOnCancel& operator=(const StopOnCancel&) = delete;
  ~StopOnCancel() {
    ::eventfd_write(ended_, 1);
    thread_.join();
    ::close(ended_);
  }
  std::stop_token token() const noexcept { return source_.get_token(); }

 private:
  /// Without a descriptor of the host's, how often to ask.
  static constexpr int kLookAgainMs = 20;

  int wait_ms(int cancel_fd) const noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    const std::int64_t now = std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
    const std::int64_t deadline = call_->ops->deadline_ns(call_);
    if (deadline <= now) return 0;
    const std::int64_t most = cancel_fd < 0 ? kLookAgainMs : 3'600'000;
    return static_cast<int>(std::min((deadline - now) / 1'000'000 + 1, most));
  }

  void look() noexcept {
    const int cancel_fd = call_->ops->cancel_fd(call_);
    for (;;) {
      if (call_->ops->cancelled(call_) != 0) {
        source_.request_stop();
        return;
      }
      pollfd fds[2] = {{ended_, POLLIN, 0}, {cancel_fd, POLLIN, 0}};
      ::poll(fds, 2, wait_ms(cancel_fd));
      if (fds[0].revents != 0) return;
    }
  }

  skep_call* const call_;
  const int ended_;  ///< readable once the destructor runs
  std::stop_source source_;
  std::thread thread_;
};

}  // namespace skep

#endif
