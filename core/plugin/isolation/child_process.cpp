#include "core/plugin/isolation/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/base/mutex.hpp"
#include "core/proc/ending.hpp"
#include "core/proc/io.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::plugin {
namespace {

constexpr Millis kSweep{2'000};      // for what it left behind
constexpr MonoMs kGiveUp = 2'000;    // SIGKILL to "stuck in the kernel"
constexpr MonoMs kLongest = 60'000;  // one poll()

constexpr std::string_view kOneTask = "task-";

/// What children for one task left in `folder` when an earlier process was killed. A state folder
/// belongs to one process, so those of ours come later.
void remove_old_homes(const std::string& folder) {
  static Mutex mutex;
  static auto* looked_at = new std::set<std::string>;
  {
    const MutexLock lock(mutex);
    if (!looked_at->insert(folder).second) return;
  }
  std::error_code ec;
  std::vector<std::filesystem::path> old;
  for (std::filesystem::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec))
    if (at->path().filename().string().starts_with(kOneTask)) old.push_back(at->path());
  for (const auto& path : old) std::filesystem::remove_all(path, ec);  // best effort
}

/// Where a child of the plugin runs: one for a single task in a folder of its own, which goes with
/// it; "/" on a node without a state folder.
Result<std::string> working_folder(const ChildPlugin& plugin) {
  if (plugin.state_dir.empty()) return std::string("/");
  std::string folder = plugin.state_dir + "/children/" + plugin.plugin_id;
  if (plugin.per_task) {
    remove_old_homes(folder);
    folder += "/" + std::string(kOneTask) + random_hex(8);
  }
  std::error_code ec;
  std::filesystem::create_directories(folder, ec);
  if (!ec)
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all,
                                 std::filesystem::perm_options::replace, ec);
  if (ec) return proc::shortage_error("make the folder " + folder, ec.value());
  return std::filesystem::absolute(folder, ec).string();
}

std::vector<std::string> environment(const std::string& home) {
  std::vector<std::string> env{"HOME=" + home};
  // LD_LIBRARY_PATH: without it a host that needs it could not start its own program.
  for (const char* name : {"PATH", "LANG", "TZ", "LD_LIBRARY_PATH"})
    if (const char* value = std::getenv(name)) env.push_back(std::string(name) + "=" + value);
  return env;
}

std::string describe(const proc::Exit& e) {
  if (e.reason == proc::ExitReason::kExited)
    return "exited with code " + std::to_string(e.exit_code);
  const char* name = ::sigabbrev_np(e.signal);
  std::string out = "was killed by signal " + std::to_string(e.signal);
  if (name != nullptr) out += std::string(" (SIG") + name + ")";
  return out;
}

constexpr Millis kPatience{2};  // of a receive() that waits

bool is_readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, 0) == 1;
}

int left_ms(MonoMs until) {
  return static_cast<int>(std::clamp<MonoMs>(until - proc::monotonic_ms(), 0, kLongest));
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::spawn(const ChildPlugin& plugin,
                                                          const proc::CallControl& call) {
  auto cwd = working_folder(plugin);
  if (!cwd) return cwd.error();
  auto cancel = SharedCancel::create();
  if (!cancel) return cancel.error();
  auto output = proc::make_pipe();
  if (!output) return output.error();
  auto in = proc::make_stdin({});
  if (!in) return in.error();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return proc::shortage_error("make a connection to a child", errno);
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);

  proc::Spec spec;
  spec.argv = {plugin.plughost, plugin.plugin_id, std::to_string(plugin.generation)};
  spec.env = environment(*cwd);
  spec.cwd = *cwd;
  const std::array<int, 3> more{theirs.get(), cancel->memory_fd(), cancel->event_fd()};
  proc::Launch request{spec};
  request.in = in->get();
  request.out = request.err = output->theirs.get();
  request.more = more;
  proc::LiveMark mark;
  request.mark = mark.value();
  request.cancel_fd = call.cancel_fd;
  request.deadline = proc::monotonic_ms() + plugin.limits.start_timeout.count();
  if (call.deadline != 0) request.deadline = std::min(request.deadline, call.deadline);
  auto child = proc::launch(request);
  if (!child) return child.error();
  std::unique_ptr<ChildProcess> made(new ChildProcess(plugin, std::move(*child), std::move(mark),
                                                      std::move(ours), std::move(output->ours),
                                                      std::move(*cancel)));
  if (plugin.per_task && !plugin.state_dir.empty()) made->own_folder_ = *cwd;
  return made;
}

ChildProcess::ChildProcess(const ChildPlugin& plugin, proc::Child child, proc::LiveMark mark,
                           UniqueFd socket, UniqueFd output, SharedCancel cancel)
    : plugin_(plugin),
      child_(std::move(child)),
      resident_(child_.pid),
      mark_(std::move(mark)),
      link_(std::move(socket)),
      output_(std::move(output)),
      cancel_(std::move(cancel)),
      owner_(plugin.plugin_id) {
  link_.wait_at_most(kPatience);
  proc::watch_children(1);
}

ChildProcess::~ChildProcess() { end(); }

bool ChildProcess::is_running() const { return !ended_ && !is_readable(child_.pidfd.get()); }

/// By SIGSTOP or the like: it would answer nobody until somebody lets it go on.
bool ChildProcess::is_stopped() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child_.pid), &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

bool ChildProcess::catch_up() {
  if (ended_) return false;
  if (is_stopped()) {
    log::warn("plugin_child_killed", {{"plugin", plugin_.plugin_id},
                                      {"generation", plugin_.generation},
                                      {"reason", "it was stopped by a signal while it was idle"}});
    return false;
  }
  enum { kPid, kOutput };
  std::array<pollfd, 2> p{pollfd{child_.pidfd.get(), POLLIN, 0}, pollfd{output_.get(), POLLIN, 0}};
  if (::poll(p.data(), p.size(), 0) <= 0) return true;
  if (p[kOutput].revents != 0) drain_output();
  return p[kPid].revents == 0;
}

ChildProcess::Wake ChildProcess::wait(int cancel_fd, MonoMs until) {
  enum { kLink, kCancelFd, kPid, kOutput };
  for (;;) {
    std::array<pollfd, 4> p{pollfd{link_.fd(), POLLIN, 0}, pollfd{cancel_fd, POLLIN, 0},
                            pollfd{child_.pidfd.get(), POLLIN, 0},
                            pollfd{output_.get(), POLLIN, 0}};
    const int n = ::poll(p.data(), p.size(), until == 0 ? -1 : left_ms(until));
    if (n > 0 && p[kOutput].revents != 0) read_output();
    if (n > 0 && p[kCancelFd].revents != 0) return Wake::kCancel;
    if (until != 0 && proc::monotonic_ms() >= until) return Wake::kTime;
    if (n > 0 && p[kLink].revents != 0) return Wake::kFrame;
    if (n > 0 && p[kPid].revents != 0) return Wake::kExited;
  }
}

void ChildProcess::read_output() {
  std::array<char, 4096> bytes;
  const ssize_t n = ::read(output_.get(), bytes.data(), bytes.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return output_.reset();
  log_lines({bytes.data(), static_cast<std::size_t>(n)});
}

/// What is in the pipe now: at most its size, or a child that writes on would hold us for ever.
void ChildProcess::drain_output() {
  constexpr int kMostReads = 64;
  for (int i = 0; i < kMostReads && output_ && is_readable(output_.get()); ++i) read_output();
}

void ChildProcess::keep_line(std::string_view line) {
  const auto masks = masks_of(owner_);
  lines_.keep(masks ? masks->hide(line) : std::string(line));
}

void ChildProcess::log_lines(std::string_view bytes) {
  std::string shown;
  if (const auto masks = masks_of(owner_)) {
    shown = bytes.empty() ? masked_.rest(*masks) : masked_.add(bytes, *masks);
    bytes = shown;
  }
  for (const std::string& line : lines_.add(bytes, proc::monotonic_ms()))
    log::info("plugin_output", {{"plugin", plugin_.plugin_id},
                                {"generation", plugin_.generation},
                                {"pid", child_.pid},
                                {"line", line}});
}

bool ChildProcess::wait_exit(MonoMs until) {
  while (is_running() && proc::monotonic_ms() < until) {
    if (wait(-1, until) != Wake::kFrame) continue;
    // Whatever it says now has no reader: it is on its way out.
    if (const auto ignored = link_.receive(false); !ignored) {
      pollfd p{child_.pidfd.get(), POLLIN, 0};
      ::poll(&p, 1, left_ms(until));
    }
  }
  return !is_running();
}

void ChildProcess::kill() const {
  // ESRCH: it has ended already.
  ::syscall(SYS_pidfd_send_signal, child_.pidfd.get(), SIGKILL, nullptr, 0);
}

const std::string& ChildProcess::end() {
  if (ended_) return *ended_;
  proc::signal_group(child_.pid, SIGKILL);
  pollfd p{child_.pidfd.get(), POLLIN, 0};
  const MonoMs until = proc::monotonic_ms() + kGiveUp;
  while (::poll(&p, 1, left_ms(until)) < 0) {
  }
  const bool stuck = !is_readable(child_.pidfd.get());
  int left = 0;
  if (mark_.value() != 0 && (stuck || proc::has_adopted()))
    left = proc::kill_leftovers(mark_, child_.pid, kSweep);
  if (left > 0 || stuck)
    log::warn("process_leftovers_stuck",
              {{"program", plugin_.plugin_id}, {"count", left + (stuck ? 1 : 0)}});
  if (stuck) {
    ended_ = "is stuck in the kernel";
    // kill() may be using ours.
    proc::abandon({child_.pid, UniqueFd(::fcntl(child_.pidfd.get(), F_DUPFD_CLOEXEC, 0))});
  } else {
    drain_output();
    log_lines({});  // what was held back
    const proc::Exit exit = proc::reap_child(child_.pid);
    end_signal_ = exit.signal;
    ended_ = describe(exit);
  }
  proc::watch_children(-1);
  std::error_code ec;  // best effort: the next process looks, too
  if (!own_folder_.empty()) std::filesystem::remove_all(own_folder_, ec);
  return *ended_;
}

}  // namespace skep::plugin
