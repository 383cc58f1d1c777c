#include "core/proc/mark.hpp"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::proc {
namespace {

constexpr int kTopBit = 61;
constexpr int kCounterBits = 28;
constexpr Mark kCounterMask = (Mark{1} << kCounterBits) - 1;

/// One bit below our own limit, which is itself a mark when we run as somebody's task.
int top_bit() {
  rlimit own{};
  if (getrlimit(RLIMIT_RTTIME, &own) != 0) return 0;
  return std::min(kTopBit, static_cast<int>(std::bit_width(own.rlim_max)) - 2);
}

MarkRange make_range() {
  const int top = top_bit();
  if (top <= kCounterBits) return {};
  Mark random = 0;
  if (getrandom(&random, sizeof(random), 0) != sizeof(random)) return {};
  const Mark bit = Mark{1} << top;
  const Mark first = bit | (random & (bit - 1) & ~kCounterMask);
  return {first, first | kCounterMask};
}

MarkRange all_marks() {
  static const MarkRange range = make_range();
  return range;
}

std::optional<Mark> mark_in_proc(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/limits");
  constexpr std::string_view kName = "Max realtime timeout";
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kName)) continue;
    const std::size_t digits = line.find_first_of("0123456789", kName.size());
    if (digits == std::string::npos) return std::nullopt;
    Mark mark = 0;
    std::from_chars(line.data() + digits, line.data() + line.size(), mark);
    return mark;
  }
  return std::nullopt;
}

std::string children_file() { return "/proc/self/task/" + std::to_string(getpid()) + "/children"; }

std::vector<pid_t> all_pids() {
  std::vector<pid_t> out;
  struct Closer {
    void operator()(DIR* d) const { closedir(d); }
  };
  const std::unique_ptr<DIR, Closer> dir(opendir("/proc"));
  if (!dir) return out;
  while (const dirent* entry = readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto end = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (end.ec == std::errc() && end.ptr == name.data() + name.size()) out.push_back(pid);
  }
  return out;
}

bool wait_end(int pidfd, Millis limit) {
  pollfd p{pidfd, POLLIN, 0};
  return poll(&p, 1, static_cast<int>(limit.count())) == 1;
}

/// One look at every process: kills those in range, and says how many it found and how many live.
struct Round {
  int found = 0;
  std::vector<UniqueFd> killed;
};

Round kill_once(MarkRange range, pid_t except) {
  Round round;
  for (const pid_t pid : all_pids()) {
    if (pid == except || !range.holds(mark_of(pid).value_or(0))) continue;
    UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    // The second look is after the descriptor: now the number cannot have changed its owner.
    if (!fd || !range.holds(mark_of(pid).value_or(0))) continue;
    ++round.found;
    syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0);
    round.killed.push_back(std::move(fd));
  }
  return round;
}

void reap(int pidfd) {
  siginfo_t ignored{};
  // ECHILD: it is a descendant with a living parent, which is killed too and leaves it to us.
  waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &ignored, WEXITED | WNOHANG);
}

}  // namespace

MarkRange marks(Kin kin) {
  const MarkRange all = all_marks();
  if (all.last == 0) return all;
  constexpr Mark kHalf = Mark{1} << (kCounterBits - 1);
  return kin == Kin::kTask ? MarkRange{all.first, all.first + kHalf - 1}
                           : MarkRange{all.first + kHalf, all.last};
}

Mark next_mark(Kin kin) {
  static std::atomic<Mark> counter{0};
  const MarkRange range = marks(kin);
  return range.last == 0 ? 0 : range.first + counter++ % (range.last - range.first + 1);
}

std::optional<Mark> mark_of(pid_t pid) {
  rlimit limit{};
  if (prlimit(pid, RLIMIT_RTTIME, nullptr, &limit) == 0) return limit.rlim_max;
  return errno == EPERM ? mark_in_proc(pid) : std::nullopt;
}

void adopt_orphans() {
  // Fails only on kernels before 3.4; then orphans go to init and are found by their mark.
  [[maybe_unused]] static const int once = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

bool is_init() { return getpid() == 1; }

bool has_adopted() {
  std::ifstream in(children_file());
  if (!in) return true;
  for (pid_t pid = 0; in >> pid;)
    if (all_marks().holds(mark_of(pid).value_or(0))) return true;
  return false;
}

void bury_adopted() {
  std::ifstream in(children_file());
  for (pid_t pid = 0; in >> pid;) {
    if (!is_init() && !all_marks().holds(mark_of(pid).value_or(0))) continue;
    siginfo_t ignored{};
    waitid(P_PID, static_cast<id_t>(pid), &ignored, WEXITED | WNOHANG);
  }
}

int kill_marked(MarkRange range, pid_t except, Millis limit) {
  const MonoMs until = monotonic_ms() + limit.count();
  for (;;) {
    const Round round = kill_once(range, except);
    if (round.found == 0) return 0;
    int alive = 0;
    for (const UniqueFd& fd : round.killed) {
      const Millis left{std::max<MonoMs>(0, until - monotonic_ms())};
      if (wait_end(fd.get(), left))
        reap(fd.get());
      else
        ++alive;
    }
    if (monotonic_ms() >= until) return alive;
  }
}

}  // namespace skep::proc
