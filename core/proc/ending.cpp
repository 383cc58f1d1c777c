#include "core/proc/ending.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

namespace skep::proc {
namespace {

std::int64_t micros(const timeval& t) { return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_usec; }

}  // namespace

Exit reap_child(pid_t pid) {
  int status = 0;
  rusage usage{};
  pid_t got = 0;
  while ((got = wait4(pid, &status, 0, &usage)) < 0 && errno == EINTR) {
  }
  Exit e;
  if (got != pid) {  // somebody else in this process reaped it: how it ended is lost
    e.reason = ExitReason::kSignaled;
    return e;
  }
  if (WIFEXITED(status)) {
    e.exit_code = WEXITSTATUS(status);
  } else {
    e.reason = ExitReason::kSignaled;
    e.signal = WTERMSIG(status);
  }
  e.cpu = Millis((micros(usage.ru_utime) + micros(usage.ru_stime)) / 1000);
  e.max_rss_bytes = usage.ru_maxrss * 1024;
  return e;
}

ResidentSize::ResidentSize(pid_t pid) : path_("/proc/" + std::to_string(pid) + "/statm") {}

std::int64_t ResidentSize::bytes() {
  if (!statm_) statm_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  char text[128];  // "SIZE RESIDENT .."
  const ssize_t n = ::pread(statm_.get(), text, sizeof(text), 0);
  const std::string_view all(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  const std::size_t second = all.find(' ');
  std::int64_t pages = 0;
  if (second != std::string_view::npos)
    std::from_chars(all.data() + second + 1, all.data() + all.size(), pages);
  return pages * sysconf(_SC_PAGESIZE);
}

std::int64_t peak_rss_bytes(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  constexpr std::string_view kName = "VmHWM:";
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kName)) continue;
    const std::size_t digits = line.find_first_of("0123456789");
    std::int64_t kib = 0;
    if (digits != std::string::npos)
      std::from_chars(line.data() + digits, line.data() + line.size(), kib);
    return kib * 1024;
  }
  return 0;
}

bool is_stop_signal(int number) {
  return number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT ||
         number == SIGKILL;
}

void signal_group(pid_t leader, int number) {
  kill(-leader, number);  // ESRCH: all of it has ended, which is what we want
}

}  // namespace skep::proc
