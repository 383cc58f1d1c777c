#include "core/proc/guard.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/log.hpp"
#include "core/proc/mark.hpp"

namespace skep::proc {
namespace {

constexpr const char* kName = "skep-guard";
constexpr Millis kSweepLimit{5'000};

void wait_for_host() {
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void guard_main(MarkRange range) {
  // A service manager may signal the whole group first; the guard goes last.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) signal(number, SIG_IGN);
  prctl(PR_SET_NAME, kName, 0, 0, 0);
  wait_for_host();
  _exit(kill_marked(range, getpid(), kSweepLimit) == 0 ? 0 : 1);
}

/// Every program that links this library can be its own guard: it starts itself under another name
/// and never reaches main(). No second binary has to be found, and a replaced file does no harm.
__attribute__((constructor)) void become_guard(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[0]) != kName) return;
  guard_main({std::strtoull(argv[1], nullptr, 10), std::strtoull(argv[2], nullptr, 10)});
}

/// Reaps it when it has ended, and forgets its number, which another child may have next.
bool is_running(Child& guard) {
  if (guard.pid < 0) return false;
  if (waitpid(guard.pid, nullptr, WNOHANG) == 0) return true;
  guard = Child();
  return false;
}

Result<Child> start_guard(int in, MarkRange range) {
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return errno_error("open /dev/null", errno);
  Spec spec;
  spec.argv = {kName, std::to_string(range.first), std::to_string(range.last)};
  if (const char* libraries = std::getenv("LD_LIBRARY_PATH"))
    spec.env.push_back(std::string("LD_LIBRARY_PATH=") + libraries);
  spec.cwd = "/";
  Launch launch{spec};
  launch.program = "/proc/self/exe";
  launch.in = in;
  launch.out = launch.err = null.get();
  launch.dies_with_us = false;
  launch.mark = kGuardMark;
  auto start = Start::prepare(launch);
  return start ? (*start)->run() : Result<Child>(start.error());
}

}  // namespace

void GuardKeeper::ensure() {
  if (is_running(guard_) || failed_) return;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;  // out of descriptors: the child fails loudly just after
  const UniqueFd read_end(ends[0]);
  pipe_.reset(ends[1]);
  auto guard = start_guard(read_end.get(), marks(Kin::kTask));
  if (!guard) {
    failed_ = true;
    log::warn("process_guard_failed", {{"error", guard.error().message}});
    return;
  }
  guard_ = std::move(*guard);
}

}  // namespace skep::proc
