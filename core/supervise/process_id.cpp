#include "core/supervise/process_id.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/base/fd.hpp"
#include "core/base/text.hpp"

namespace skep::supervise {
namespace {

/// Fields of /proc/PID/stat after the command's name, which may hold blanks and parentheses.
std::vector<std::string> stat_fields(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 64 << 10);
  const std::size_t end = text ? text->rfind(')') : std::string::npos;
  return end == std::string::npos || end + 2 > text->size() ? std::vector<std::string>{}
                                                            : split(text->substr(end + 2), ' ');
}

constexpr std::size_t kStateField = 0;
constexpr std::size_t kStartField = 19;

bool ends_within(int pidfd, Millis time) {
  pollfd p{pidfd, POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&p, 1, static_cast<int>(time.count()));
  while (ready < 0 && errno == EINTR);
  return ready == 1;
}

}  // namespace

std::optional<ProcessId> identify(pid_t pid) {
  const auto fields = stat_fields(pid);
  if (fields.size() <= kStartField || fields[kStateField] == "Z" || fields[kStateField] == "X")
    return std::nullopt;
  const auto started = to_int(fields[kStartField]);
  if (!started) return std::nullopt;
  return ProcessId{pid, static_cast<std::uint64_t>(*started)};
}

bool is_alive(const ProcessId& id) {
  const auto now = id.pid > 0 ? identify(id.pid) : std::nullopt;
  return now && now->started == id.started;
}

Result<bool> end_process(const ProcessId& id, Millis grace) {
  // The descriptor first, then the check: from here on the number cannot mean another process.
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, id.pid, 0)));
  // Out of descriptors or memory: that says nothing about the process.
  if (!pidfd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
    return errno_error("end process " + std::to_string(id.pid), errno);
  if (!pidfd || !is_alive(id)) return true;
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), SIGTERM, nullptr, 0) != 0 && errno != ESRCH)
    return errno_error("end process " + std::to_string(id.pid), errno);
  if (ends_within(pidfd.get(), grace)) return true;
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
    return errno_error("kill process " + std::to_string(id.pid), errno);
  if (!ends_within(pidfd.get(), Millis{5'000}))
    return Error{Code::kBusy, "process " + std::to_string(id.pid) + " does not end"};
  return false;
}

}  // namespace skep::supervise
