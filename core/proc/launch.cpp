#include "core/proc/launch.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/text.hpp"
#include "core/proc/io.hpp"

// The C library's clone() under the name that sanitizers leave alone: they take it for a fork(),
// and their books, which the child shares with us until it executes, would be wrong afterwards.
// NOLINTNEXTLINE(bugprone-reserved-identifier): glibc's own name
extern "C" int __clone(int (*main)(void*), void* stack, int flags, void* arg, ...);

namespace skep::proc {
namespace {

constexpr std::size_t kStackBytes = 64 << 10;
constexpr rlim_t kOpenFiles = 1024;
constexpr int kFirstFree = 3 + static_cast<int>(kMoreFds);

enum class Stage { kExec, kSetup, kChdir };

}  // namespace

/// What the child reads and, on failure, writes: it shares our memory until it executes.
struct ChildArgs {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* env = nullptr;
  const char* cwd = nullptr;
  int fds[kFirstFree] = {};
  int fd_count = 0;
  pid_t host = 0;
  int nice = 0;
  bool dies_with_us = true;
  rlimit memory{};
  rlimit mark{};
  rlimit files{};
  std::atomic<pid_t>* pid = nullptr;
  volatile Stage stage = Stage::kSetup;
  volatile int error = 0;
};

namespace {

#define SKEP_RAW __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

/// Raw system calls: sanitizers keep books about the wrapped ones, in memory that is the parent's.
template <class... Args>
SKEP_RAW long raw(long number, Args... args) {
  return syscall(number, args...);
}

SKEP_RAW bool limit(int resource, const rlimit& value) {
  return raw(SYS_prlimit64, 0, resource, &value, nullptr) == 0;
}

SKEP_RAW void default_signals() {
  const std::array<unsigned long, 8> zeros{};  // the kernel's sigaction: SIG_DFL, no flags
  for (int number = 1; number < NSIG; ++number)
    raw(SYS_rt_sigaction, number, zeros.data(), nullptr, sizeof(long));
  raw(SYS_rt_sigprocmask, SIG_SETMASK, zeros.data(), nullptr, sizeof(long));
}

SKEP_RAW bool set_up(const ChildArgs& a) {
  if (raw(SYS_setsid) < 0) return false;
  if (a.dies_with_us) {
    raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (raw(SYS_getppid) != a.host) return false;  // it died before the line above
  }
  for (int i = 0; i < a.fd_count; ++i)
    if (raw(SYS_dup3, a.fds[i], i, 0) < 0) return false;
  if (raw(SYS_close_range, a.fd_count, ~0u, 0u) < 0) return false;
  raw(SYS_umask, 077);
  constexpr rlimit kNone{0, 0};
  if (!limit(RLIMIT_CORE, kNone) || !limit(RLIMIT_NOFILE, a.files)) return false;
  if (a.mark.rlim_max != 0 && !limit(RLIMIT_RTTIME, a.mark)) return false;
  if (a.memory.rlim_max != 0 && !limit(RLIMIT_AS, a.memory)) return false;
  return a.nice == 0 || raw(SYS_setpriority, PRIO_PROCESS, 0, a.nice) == 0;
}

SKEP_RAW int child_main(void* p) {
  ChildArgs& a = *static_cast<ChildArgs*>(p);
  a.pid->store(static_cast<pid_t>(raw(SYS_getpid)));
  if (set_up(a)) {
    a.stage = Stage::kChdir;
    if (a.cwd == nullptr || raw(SYS_chdir, a.cwd) == 0) {
      a.stage = Stage::kExec;
      default_signals();
      raw(SYS_execve, a.program, a.argv, a.env);
    }
  }
  a.error = errno == 0 ? ESRCH : errno;
  return 127;
}

#undef SKEP_RAW

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  // execve() takes char* for history's sake and changes nothing.
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Ours: whoever chooses a child's environment must not choose its program by it.
std::string search_path() {
  const char* path = std::getenv("PATH");
  return path == nullptr || *path == '\0' ? "/usr/local/bin:/usr/bin:/bin" : path;
}

bool is_program(const std::string& file) {
  struct stat s {};
  return stat(file.c_str(), &s) == 0 && S_ISREG(s.st_mode) && access(file.c_str(), X_OK) == 0;
}

Result<std::string> find_program(const Spec& spec) {
  const std::string& name = spec.argv.front();
  if (name.find('/') != std::string::npos) return name;
  const std::string path = search_path();
  for (const std::string& folder : split(path, ':'))
    if (const std::string file = (folder.empty() ? "." : folder) + "/" + name; is_program(file))
      return file;
  return Error{Code::kNotFound, "no program \"" + name + "\" in PATH " + path};
}

Status check(const Spec& spec) {
  if (spec.argv.empty() || spec.argv.front().empty()) return invalid("no program was named");
  const auto has_zero = [](const std::vector<std::string>& list) {
    for (const std::string& s : list)
      if (s.find('\0') != std::string::npos) return true;
    return false;
  };
  if (has_zero(spec.argv) || has_zero(spec.env) || spec.cwd.find('\0') != std::string::npos)
    return invalid("an argument, variable or directory of \"" + spec.argv.front() +
                   "\" holds a zero byte");
  return {};
}

bool is_wrong_path(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
}

Error start_error(const ChildArgs& a, const Spec& spec) {
  const Stage stage = a.stage;
  if (stage == Stage::kChdir) {
    Error e = errno_error("enter directory \"" + spec.cwd + "\"", a.error);
    if (is_wrong_path(a.error)) e.code = Code::kInvalid;
    if (e.code == Code::kInternal) e.code = Code::kUnavailable;
    return e;
  }
  const std::string doing = "start \"" + spec.argv.front() + "\"";
  if (stage == Stage::kSetup) return errno_error(doing + ": prepare", a.error);
  Error e = errno_error(doing, a.error);
  if (a.error == ENOENT && access(a.program, F_OK) == 0)
    e.message += ": the file is there, but the interpreter in its first line is not";
  if (a.error == ENOTDIR || a.error == ELOOP) e.code = Code::kNotFound;
  if (a.error == ENOEXEC || a.error == E2BIG || a.error == ENAMETOOLONG) e.code = Code::kInvalid;
  return e;
}

rlimit open_files() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return {kOpenFiles, kOpenFiles};
  files.rlim_cur = std::min(files.rlim_max, kOpenFiles);
  return files;
}

/// Of this thread, which never ends.
void* child_stack() {
  static thread_local void* const top = [] {
    void* base = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    return base == MAP_FAILED ? nullptr : static_cast<char*>(base) + kStackBytes;
  }();
  return top;
}

}  // namespace

/// Above the child's last one, so that making them overwrites none.
Status Start::add(int given) {
  fds_[fd_count_].reset(fcntl(given, F_DUPFD_CLOEXEC, kFirstFree));
  if (!fds_[fd_count_]) return shortage_error("hand a descriptor to the child", errno);
  ++fd_count_;
  return {};
}

Result<std::shared_ptr<Start>> Start::prepare(const Launch& request) {
  SKEP_TRY(check(request.spec));
  if (request.more.size() > kMoreFds) return invalid("too many descriptors for a child");
  std::shared_ptr<Start> start(new Start);
  start->spec_.argv = request.spec.argv;
  start->spec_.env = request.spec.env;
  start->spec_.cwd = request.spec.cwd;
  start->spec_.memory_bytes = request.spec.memory_bytes;
  start->spec_.nice = request.spec.nice;
  start->program_ = request.program;
  start->mark_ = request.mark;
  start->dies_with_us_ = request.dies_with_us;
  for (const int fd : {request.in, request.out, request.err}) SKEP_TRY(start->add(fd));
  for (const int fd : request.more) SKEP_TRY(start->add(fd));
  return start;
}

void Start::fill(ChildArgs& args) const {
  args.cwd = spec_.cwd.empty() ? nullptr : spec_.cwd.c_str();
  for (std::size_t i = 0; i < fd_count_; ++i) args.fds[i] = fds_[i].get();
  args.fd_count = static_cast<int>(fd_count_);
  args.host = getpid();
  args.nice = spec_.nice;
  args.dies_with_us = dies_with_us_;
  args.memory = {spec_.memory_bytes, spec_.memory_bytes};
  args.mark = {mark_, mark_};
  args.files = open_files();
  args.program = program_.c_str();
}

Result<Child> Start::clone_once(ChildArgs& args) {
  void* stack = child_stack();
  if (stack == nullptr) return errno_error("start \"" + spec_.argv.front() + "\"", ENOMEM);
  int pidfd = -1;
  errno = 0;
  args.pid = &on_its_way_;
  const int pid =
      __clone(child_main, stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &args, &pidfd);
  const int error = errno;
  {
    const MutexLock lock(mutex_);
    on_its_way_ = 0;
  }
  if (pid < 0) return shortage_error("start \"" + spec_.argv.front() + "\"", error);
  Child child{pid, UniqueFd(pidfd)};
  if (args.error == 0) return child;
  waitpid(pid, nullptr, 0);
  return start_error(args, spec_);
}

void Start::give_up() {
  const MutexLock lock(mutex_);
  if (const pid_t pid = on_its_way_; pid != 0) kill(pid, SIGKILL);
}

Result<Child> Start::run() {
  if (program_.empty()) {
    auto found = find_program(spec_);
    if (!found) return found.error();
    program_ = std::move(*found);
  }
  const std::vector<char*> argv = pointers(spec_.argv);
  const std::vector<char*> env = pointers(spec_.env);
  // A file just written may still be open for writing in a child between clone and exec.
  constexpr int kBusyTries = 10;
  for (int tries = 1;; ++tries) {
    ChildArgs args;
    fill(args);
    args.argv = argv.data();
    args.env = env.data();
    auto child = clone_once(args);
    if (child || args.error != ETXTBSY || tries == kBusyTries) return child;
    std::this_thread::sleep_for(Millis(tries));
  }
}

}  // namespace skep::proc
