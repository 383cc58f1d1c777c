#include <sys/eventfd.h>
#include <unistd.h>

#include "core/ports/task_runner.hpp"

namespace skep::ports {

CancelToken::CancelToken() : own_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), fd_(own_fd_.get()) {}

void CancelToken::cancel(CancelReason reason) {
  int none = 0;
  if (!reason_.compare_exchange_strong(none, static_cast<int>(reason))) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof(one));
}

}  // namespace skep::ports
