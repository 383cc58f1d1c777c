#include "core/supervise/process_id.hpp"

#include <fcntl.h>
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

std::string name_of(pid_t pid) { return "process " + std::to_string(pid); }

Error nobody(pid_t pid) { return not_found("process", std::to_string(pid)); }

/// Fields of /proc/PID/stat after the command's name, which may hold blanks and parentheses.
Result<std::vector<std::string>> stat_fields(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::string text(4096, '\0');
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t n = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (n < 0 && (errno == ENOENT || errno == ESRCH)) return nobody(pid);
  if (n < 0) return errno_error("look for " + name_of(pid), errno);
  text.resize(static_cast<std::size_t>(n));
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos || end + 2 > text.size()) return std::vector<std::string>{};
  return split(text.substr(end + 2), ' ');
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

Result<ProcessId> identify(pid_t pid) {
  const auto fields = stat_fields(pid);
  if (!fields) return fields.error();
  if (fields->size() <= kStartField) return internal_error(name_of(pid) + " has no start time");
  const std::string& state = (*fields)[kStateField];
  if (state == "Z" || state == "X") return nobody(pid);
  const auto started = to_int((*fields)[kStartField]);
  if (!started) return internal_error(name_of(pid) + " has no start time");
  return ProcessId{pid, static_cast<std::uint64_t>(*started)};
}

Result<bool> is_alive(const ProcessId& id) {
  if (id.pid <= 0) return false;
  const auto now = identify(id.pid);
  if (!now && now.error().code != Code::kNotFound) return now.error();
  return now && now->started == id.started;
}

Result<bool> end_process(const ProcessId& id, Millis grace) {
  if (id.pid <= 0) return true;
  // The descriptor first, then the check: from here on the number cannot mean another process.
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, id.pid, 0)));
  if (!pidfd && errno == ESRCH) return true;
  if (!pidfd) return errno_error("end " + name_of(id.pid), errno);
  const auto alive = is_alive(id);
  if (!alive) return alive.error().within("end " + name_of(id.pid));
  if (!*alive) return true;
  return end_process(pidfd.get(), id.pid, grace);
}

Result<bool> end_process(int pidfd, pid_t pid, Millis grace) {
  if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, nullptr, 0) != 0 && errno != ESRCH)
    return errno_error("end " + name_of(pid), errno);
  if (ends_within(pidfd, grace)) return true;
  if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
    return errno_error("kill " + name_of(pid), errno);
  if (!ends_within(pidfd, Millis{5'000})) return Error{Code::kBusy, name_of(pid) + " does not end"};
  return false;
}

}  // namespace skep::supervise
