#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/proc/ending.hpp"
#include "core/proc/io.hpp"
#include "core/proc/launch.hpp"
#include "core/proc/monotonic.hpp"
#include "core/proc/subprocess.hpp"

namespace skep::proc {

Result<Background> Background::spawn(const Spec& spec, const std::string& log_path) {
  auto in = make_stdin(spec.stdin_bytes);
  if (!in) return in.error();
  UniqueFd log;
  if (!log_path.empty()) {
    log.reset(open(log_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!log) return errno_error("open \"" + log_path + "\"", errno);
  }
  Launch request{spec};
  request.in = in->get();
  request.out = log ? log.get() : STDOUT_FILENO;
  request.err = log ? log.get() : STDERR_FILENO;
  request.mark = next_mark(Kin::kBackground);
  auto child = launch(request);
  if (!child) return child.error();
  watch_children(1);
  Background out;
  out.started_ = monotonic_ms();
  out.pid_ = child->pid;
  out.pidfd_ = std::move(child->pidfd);
  return out;
}

Background::Background(Background&& other) noexcept { *this = std::move(other); }

Background& Background::operator=(Background&& other) noexcept {
  if (this == &other) return *this;
  release();
  pidfd_ = std::move(other.pidfd_);
  pid_ = std::exchange(other.pid_, -1);
  started_ = other.started_;
  exit_ = std::exchange(other.exit_, std::nullopt);
  return *this;
}

Background::~Background() { release(); }

void Background::release() {
  if (pid_ < 0 || exit_) return;
  signal_group(pid_, SIGKILL);
  abandon({pid_, std::move(pidfd_)});
  watch_children(-1);
}

std::optional<Exit> Background::poll(Millis wait) {
  if (exit_ || pid_ < 0) return exit_;
  const MonoMs until = monotonic_ms() + wait.count();
  pollfd p{pidfd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    const auto left = std::clamp<MonoMs>(until - monotonic_ms(), 0, 1 << 30);
    ready = ::poll(&p, 1, static_cast<int>(left));
  } while (ready < 0 && errno == EINTR);
  if (ready != 1) return std::nullopt;
  reap();
  return exit_;
}

void Background::reap() {
  exit_ = reap_child(pid_);
  exit_->duration = Millis(monotonic_ms() - started_);
  watch_children(-1);
}

void Background::signal(int number) {
  // ESRCH: it has ended; poll() will say so.
  syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

Exit Background::stop(Millis grace) {
  if (exit_ || pid_ < 0) return exit_.value_or(Exit{});
  signal_group(pid_, SIGTERM);
  signal_group(pid_, SIGCONT);
  pollfd p{pidfd_.get(), POLLIN, 0};
  const MonoMs until = monotonic_ms() + grace.count();
  while (::poll(&p, 1, static_cast<int>(std::max<MonoMs>(0, until - monotonic_ms()))) < 0) {
  }
  signal_group(pid_, SIGKILL);  // before it is reaped: the group's number is still its own
  reap();
  return *exit_;
}

}  // namespace skep::proc
