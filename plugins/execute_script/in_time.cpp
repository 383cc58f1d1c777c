#include "in_time.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <exception>
#include <memory>
#include <thread>

namespace skep::script {
namespace {

struct Look {
  explicit Look(std::function<std::string()> l) : look(std::move(l)) {}
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;
  ~Look() {
    if (seen >= 0) ::close(seen);
  }

  void run() noexcept {
    try {
      found = look();
    } catch (...) {
      thrown = std::current_exception();
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(seen, &one, sizeof(one));
  }

  const std::function<std::string()> look;
  const int seen = ::eventfd(0, EFD_CLOEXEC);
  std::string found;
  std::exception_ptr thrown;
};

int left_ms(std::int64_t deadline_ns) {
  if (deadline_ns == INT64_MAX) return -1;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t left = deadline_ns / 1'000'000 - now.tv_sec * 1'000 - now.tv_nsec / 1'000'000;
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

}  // namespace

std::string in_time(const Call& call, std::function<std::string()> look) {
  const auto shared = std::make_shared<Look>(std::move(look));
  if (shared->seen < 0)
    throw Fault(SKEP_E_UNAVAILABLE, std::string("make an eventfd: ") + std::strerror(errno));
  std::thread([shared] { shared->run(); }).detach();
  pollfd fds[2] = {{shared->seen, POLLIN, 0}, {call.cancel_fd(), POLLIN, 0}};
  while (::poll(fds, 2, left_ms(call.deadline_ns())) < 0 && errno == EINTR) {
  }
  if (fds[0].revents != 0) {
    if (shared->thrown) std::rethrow_exception(shared->thrown);
    return shared->found;
  }
  const bool late = fds[1].revents == 0 || call.cancel_reason() == SKEP_CANCEL_DEADLINE;
  throw Fault(late ? SKEP_E_DEADLINE : SKEP_E_CANCELLED,
              "the file system of the script did not answer; is it on a mount that hangs?");
}

}  // namespace skep::script
