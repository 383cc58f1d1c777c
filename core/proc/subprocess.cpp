#include "core/proc/subprocess.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "core/base/log.hpp"
#include "core/proc/ending.hpp"
#include "core/proc/io.hpp"
#include "core/proc/launch.hpp"
#include "core/proc/mark.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::proc {
namespace {

constexpr MonoMs kNever = std::numeric_limits<MonoMs>::max();
constexpr MonoMs kDrain = 2'000;    // a grandchild may keep a pipe open this long
constexpr MonoMs kGiveUp = 2'000;   // SIGKILL to "stuck in the kernel"
constexpr MonoMs kSweep = 2'000;    // for what it left behind
constexpr MonoMs kFirstSample = 5;  // of the peak size; then at doubling distance
constexpr MonoMs kLastSample = 1'000;
constexpr std::size_t kReadBytes = 64 << 10;

MonoMs plus(MonoMs now, Millis d) { return d.count() > kNever - now ? kNever : now + d.count(); }

std::int64_t own_peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// One running child: reads what it writes, ends it when asked, and sees to what it leaves.
class Pump {
 public:
  Pump(const Spec& spec, int cancel_fd, MonoMs deadline, const Output& output, Child child,
       const LiveMark& mark, UniqueFd out, UniqueFd err, MonoMs started)
      : spec_(spec),
        cancel_fd_(cancel_fd),
        output_(output),
        child_(std::move(child)),
        mark_(mark),
        pipes_{std::move(out), std::move(err)},
        started_(started),
        deadline_(deadline),
        own_peak_(own_peak_bytes()),
        buffer_(kReadBytes, '\0') {
    sample_at_ = started_ + kFirstSample;
  }

  Exit run() {
    while (!finished()) {
      wait();
      on_time(monotonic_ms());
    }
    return finish();
  }

 private:
  bool finished() const {
    if (!exited_) return given_up_;
    return (!pipes_[0] && !pipes_[1]) || monotonic_ms() >= drain_until_;
  }

  MonoMs next_time() const {
    if (exited_) return drain_until_;
    const MonoMs end = !ending_ ? deadline_ : !killed_ ? kill_at_ : give_up_at_;
    return std::min(end, sample_at_);
  }

  void wait() {
    enum { kPid, kCancel, kOut, kErr };
    std::array<pollfd, 4> p{pollfd{exited_ ? -1 : child_.pidfd.get(), POLLIN, 0},
                            pollfd{ending_ || exited_ ? -1 : cancel_fd_, POLLIN, 0},
                            pollfd{pipes_[0].get(), POLLIN, 0}, pollfd{pipes_[1].get(), POLLIN, 0}};
    const MonoMs left = std::clamp<MonoMs>(next_time() - monotonic_ms(), 0, 60'000);
    if (poll(p.data(), p.size(), static_cast<int>(left)) <= 0) return;  // EINTR: look again
    if (p[kOut].revents != 0) read_from(0);
    if (p[kErr].revents != 0) read_from(1);
    if (p[kCancel].revents != 0) end(ExitReason::kCancelled);
    if (p[kPid].revents != 0) on_exit();
  }

  void read_from(std::size_t which) {
    const ssize_t n = read(pipes_[which].get(), buffer_.data(), buffer_.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return pipes_[which].reset();
    const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
    if (refused_ || !output_ || output_(which == 1, bytes)) return;
    refused_ = true;
    end(ExitReason::kCancelled);
    if (exited_) drain_until_ = 0;
  }

  void on_exit() {
    exited_ = true;
    drain_until_ = monotonic_ms() + kDrain;
    if (ending_) drain_until_ = std::min(drain_until_, kill_at_);
  }

  void on_time(MonoMs now) {
    if (exited_) return;
    if (now >= deadline_) end(ExitReason::kTimeout);
    if (ending_ && !killed_ && now >= kill_at_) {
      killed_ = true;
      give_up_at_ = now + kGiveUp;
      signal_group(child_.pid, SIGKILL);
    }
    given_up_ = killed_ && now >= give_up_at_;
    if (now >= sample_at_) sample(now);
  }

  void end(ExitReason reason) {
    if (ending_ || exited_) return;
    ending_ = reason;
    kill_at_ = plus(monotonic_ms(), spec_.grace);
    signal_group(child_.pid, SIGTERM);
    signal_group(child_.pid, SIGCONT);  // a stopped process hears nothing else
  }

  void sample(MonoMs now) {
    sampled_peak_ = std::max(sampled_peak_, peak_rss_bytes(child_.pid));
    sample_at_ = now + std::min(kLastSample, std::max(kFirstSample, now - started_));
  }

  Exit finish() {
    // The leader is not reaped yet, so its number cannot be another group's.
    signal_group(child_.pid, SIGKILL);
    if (mark_.value() != 0 && (given_up_ || has_adopted())) sweep();
    Exit e = given_up_ ? leave_behind() : reap_child(child_.pid);
    if (ending_) {
      e.reason = *ending_;
      e.exit_code = -1;
    }
    e.duration = Millis(monotonic_ms() - started_);
    // The kernel counts our own size as the child's until it executes its program.
    if (e.max_rss_bytes <= own_peak_) e.max_rss_bytes = sampled_peak_;
    return e;
  }

  void sweep() const {
    const int left = kill_leftovers(mark_, child_.pid, Millis(kSweep));
    if (left > 0)
      log::warn("process_leftovers_stuck", {{"program", spec_.argv.front()}, {"count", left}});
  }

  Exit leave_behind() {
    log::warn("process_stuck",
              {{"program", spec_.argv.front()},
               {"pid", child_.pid},
               {"next", "killed, but waiting in the kernel: see /proc/PID/stack"}});
    Exit e;
    e.signal = SIGKILL;
    skep::proc::abandon(std::move(child_));
    return e;
  }

  const Spec& spec_;
  const int cancel_fd_;
  const Output& output_;
  Child child_;
  const LiveMark& mark_;
  std::array<UniqueFd, 2> pipes_;
  const MonoMs started_;
  const MonoMs deadline_;
  const std::int64_t own_peak_;
  std::string buffer_;
  std::optional<ExitReason> ending_;
  bool exited_ = false;
  bool killed_ = false;
  bool given_up_ = false;
  bool refused_ = false;
  MonoMs kill_at_ = kNever;
  MonoMs give_up_at_ = kNever;
  MonoMs drain_until_ = kNever;
  MonoMs sample_at_ = kNever;
  std::int64_t sampled_peak_ = 0;
};

std::optional<Exit> over_already(int cancel_fd, MonoMs deadline, MonoMs now) {
  pollfd p{cancel_fd, POLLIN, 0};
  Exit e;
  if (cancel_fd >= 0 && poll(&p, 1, 0) == 1)
    e.reason = ExitReason::kCancelled;
  else if (now >= deadline)
    e.reason = ExitReason::kTimeout;
  else
    return std::nullopt;
  return e;
}

}  // namespace

Result<Exit> run(const Spec& spec, int cancel_fd, MonoMs deadline, const Output& output) {
  const MonoMs started = monotonic_ms();
  MonoMs until = deadline == 0 ? kNever : deadline;
  if (spec.timeout.count() > 0) until = std::min(until, plus(started, spec.timeout));
  if (const auto over = over_already(cancel_fd, until, started)) return *over;

  auto in = make_stdin(spec.stdin_bytes);
  if (!in) return in.error();
  auto out = make_pipe();
  if (!out) return out.error();
  auto err = make_pipe();
  if (!err) return err.error();

  Launch request{spec};
  request.in = in->get();
  request.out = out->theirs.get();
  request.err = err->theirs.get();
  const LiveMark mark;
  request.mark = mark.value();
  request.cancel_fd = cancel_fd;
  request.deadline = until == kNever ? 0 : until;
  auto child = launch(request);
  if (!child) {
    auto over = over_already(cancel_fd, until, monotonic_ms());
    if (!over) return child.error();
    over->duration = Millis(monotonic_ms() - started);
    return *over;
  }
  in->reset();
  out->theirs.reset();
  err->theirs.reset();
  watch_children(1);
  const Exit exit = Pump(spec, cancel_fd, until, output, std::move(*child), mark,
                         std::move(out->ours), std::move(err->ours), started)
                        .run();
  watch_children(-1);
  return exit;
}

}  // namespace skep::proc
