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

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/fd.hpp"
#include "core/base/file.hpp"
#include "core/base/mutex.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::proc {
namespace {

constexpr int kTopBit = 61;
constexpr int kCounterBits = 28;
constexpr Mark kCounterMask = (Mark{1} << kCounterBits) - 1;

/// Itself a mark when we run as somebody's task.
Mark own_limit() {
  static const Mark limit = mark_of(getpid()).value_or(0);
  return limit;
}

/// One bit below our own limit.
int top_bit() { return std::min(kTopBit, static_cast<int>(std::bit_width(own_limit())) - 2); }

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
    std::istringstream values(line.substr(kName.size()));
    std::string soft, hard;
    values >> soft >> hard;
    if (hard == "unlimited") return RLIM_INFINITY;
    Mark mark = 0;
    const auto read = std::from_chars(hard.data(), hard.data() + hard.size(), mark);
    return read.ec == std::errc() ? std::optional(mark) : std::nullopt;
  }
  return std::nullopt;
}

template <class T>
class LockedSet {
 public:
  void add(T value) {
    const MutexLock lock(mutex_);
    values_.insert(value);
  }
  void remove(T value) {
    const MutexLock lock(mutex_);
    values_.erase(value);
  }
  template <class IsOver>
  void remove_if(const IsOver& is_over) {
    const MutexLock lock(mutex_);
    std::erase_if(values_, is_over);
  }
  bool holds(T value) {
    const MutexLock lock(mutex_);
    return values_.contains(value);
  }

 private:
  Mutex mutex_;
  std::set<T> values_ SKEP_GUARDED_BY(mutex_);
};

/// Those of the tasks' children that live. Never destroyed: there are children to the very end.
LockedSet<Mark>& live_marks() {
  static auto& instance = *new LockedSet<Mark>;
  return instance;
}

/// Processes that outlived the time of somebody who killed them: nobody waits for them again.
LockedSet<pid_t>& stuck() {
  static auto& instance = *new LockedSet<pid_t>;
  return instance;
}

void note_stuck(pid_t pid) {
  stuck().remove_if([](pid_t p) { return kill(p, 0) != 0 && errno == ESRCH; });
  stuck().add(pid);
}

std::string children_file() { return "/proc/self/task/" + std::to_string(getpid()) + "/children"; }

/// Numbers of processes; nothing when it cannot be told now which there are.
using Pids = std::optional<std::vector<pid_t>>;

/// None on a kernel that does not list them.
Pids adopted() {
  constexpr std::size_t kMostBytes = 64 << 20;
  const auto text = load_file(children_file(), kMostBytes);
  if (!text && text.error().code != Code::kNotFound) return std::nullopt;
  std::istringstream in(text ? *text : "");
  return std::vector<pid_t>(std::istream_iterator<pid_t>(in), {});
}

/// REQUIRES: it is our child, but not that of the spawner. Whoever descends from a marked child has
/// less than we have, and a fork of this very process as much.
bool is_of_marked(pid_t pid) {
  const auto mark = mark_of(pid);
  return all_marks().last != 0 && mark && *mark < own_limit();
}

/// One of `ours`, the adopted processes, that changed its mark, or whose child is gone.
bool is_stray(pid_t pid, const std::vector<pid_t>& ours) {
  if (std::find(ours.begin(), ours.end(), pid) == ours.end() || !is_of_marked(pid)) return false;
  const Mark mark = mark_of(pid).value_or(0);
  return !live_marks().holds(mark) && !marks(Kin::kBackground).holds(mark);
}

Pids all_pids() {
  std::vector<pid_t> out;
  struct Closer {
    void operator()(DIR* d) const { closedir(d); }
  };
  const std::unique_ptr<DIR, Closer> dir(opendir("/proc"));
  if (!dir) return std::nullopt;
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

struct Victim {
  pid_t pid;
  UniqueFd fd;
};
/// What one look at processes found and killed.
struct Look {
  std::vector<Victim> killed{};
  bool is_whole = true;  ///< false: somebody may be there who was not seen, or not killed
};

template <class IsMeant>
Look kill_once(const Pids& pids, const IsMeant& is_meant) {
  Look look;
  look.is_whole = pids.has_value();
  for (const pid_t pid : pids.value_or(std::vector<pid_t>())) {
    if (!is_meant(pid)) continue;
    UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!fd && errno != ESRCH) look.is_whole = false;
    // The second look is after the descriptor: now the number cannot have changed its owner.
    if (!fd || !is_meant(pid)) continue;
    syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0);
    look.killed.push_back({pid, std::move(fd)});
  }
  return look;
}

Look kill_marked_once(MarkRange range, pid_t except) {
  return kill_once(all_pids(), [&](pid_t pid) {
    return pid != except && range.holds(mark_of(pid).value_or(0));
  });
}

Look kill_strays_once() {
  bool could_look = true;
  Look look = kill_once(adopted(), [&](pid_t pid) {
    const Pids ours = adopted();
    could_look &= ours.has_value();
    return ours && is_stray(pid, *ours);
  });
  look.is_whole &= could_look;
  return look;
}

void reap(int pidfd) {
  siginfo_t ignored{};
  // ECHILD: it is a descendant with a living parent, which is killed too and leaves it to us.
  waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &ignored, WEXITED | WNOHANG);
}

template <class KillOnce>
int kill_until_none(const KillOnce& kill_some, Millis limit) {
  constexpr int kBlindMs = 10;  // until a descriptor may be free again
  const MonoMs until = monotonic_ms() + limit.count();
  for (;;) {
    const Look look = kill_some();
    if (look.killed.empty() && look.is_whole) return 0;
    int alive = look.is_whole ? 0 : 1;
    for (const Victim& victim : look.killed) {
      const Millis left{std::max<MonoMs>(0, until - monotonic_ms())};
      if (wait_end(victim.fd.get(), left)) {
        reap(victim.fd.get());
        continue;
      }
      ++alive;
      note_stuck(victim.pid);
    }
    if (monotonic_ms() >= until) return alive;
    if (!look.is_whole) poll(nullptr, 0, kBlindMs);
  }
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

LiveMark::LiveMark() : value_(next_mark(Kin::kTask)) {
  if (value_ != 0) live_marks().add(value_);
}

LiveMark::~LiveMark() {
  if (value_ != 0) live_marks().remove(value_);
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
  if (access(children_file().c_str(), R_OK) != 0) return true;
  const Pids all = adopted();
  return !all || std::any_of(all->begin(), all->end(), is_of_marked);
}

void bury_adopted() {
  kill_strays_once();
  for (const pid_t pid : adopted().value_or(std::vector<pid_t>())) {
    if (!is_init() && !is_of_marked(pid)) continue;
    siginfo_t ignored{};
    waitid(P_PID, static_cast<id_t>(pid), &ignored, WEXITED | WNOHANG);
  }
}

int kill_marked(MarkRange range, pid_t except, Millis limit) {
  return kill_until_none([&] { return kill_marked_once(range, except); }, limit);
}

int kill_leftovers(const LiveMark& mark, pid_t leader, Millis limit) {
  const auto kill_some = [&] {
    Look look = kill_marked_once({mark.value(), mark.value()}, leader);
    Look strays = kill_strays_once();
    look.is_whole &= strays.is_whole;
    for (Victim& stray : strays.killed)
      if (!stuck().holds(stray.pid)) look.killed.push_back(std::move(stray));
    return look;
  };
  return kill_until_none(kill_some, limit);
}

}  // namespace skep::proc
