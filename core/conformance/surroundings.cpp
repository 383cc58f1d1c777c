#include "core/conformance/surroundings.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <filesystem>
#include <set>
#include <string_view>

#include "core/base/text.hpp"
#include "core/plugin/call_threads.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::conformance {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFds = "/proc/self/fd";
constexpr MonoMs kSettleMs = 2'000;

std::string disposition(int number) {
  struct sigaction action {};
  if (::sigaction(number, nullptr, &action) != 0) return "reserved";
  if (action.sa_handler == SIG_DFL) return "default";
  if (action.sa_handler == SIG_IGN) return "ignored";
  return "handled";
}

void add_signals(Surroundings& out) {
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  for (int number = 1; number < NSIG; ++number)
    out["signal " + std::to_string(number)] =
        disposition(number) + (::sigismember(&blocked, number) == 1 ? ", blocked" : "");
}

void add_descriptors(Surroundings& out) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(kFds, ec)) {
    const std::string target = fs::read_symlink(entry.path(), ec).string();
    // The one that lists the folder is ours, and gone again.
    if (ec || target.starts_with("/proc/")) continue;
    out["fd " + entry.path().filename().string()] = target;
  }
}

void add_limits(Surroundings& out) {
  for (int which = 0; which < RLIM_NLIMITS; ++which) {
    struct rlimit limit {};
    if (::getrlimit(static_cast<__rlimit_resource>(which), &limit) == 0)
      out["rlimit " + std::to_string(which)] =
          std::to_string(limit.rlim_cur) + "/" + std::to_string(limit.rlim_max);
  }
}

void add_environment(Surroundings& out) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    out["env " + std::string(text.substr(0, equals))] =
        equals == std::string_view::npos ? "" : text.substr(equals + 1);
  }
}

}  // namespace

Surroundings look_around() {
  Surroundings out;
  std::error_code ec;
  out["cwd"] = fs::current_path(ec).string();
  const mode_t mask = ::umask(0);
  ::umask(mask);
  out["umask"] = std::to_string(mask);
  out["locale"] = std::setlocale(LC_ALL, nullptr);
  add_signals(out);
  add_descriptors(out);
  add_limits(out);
  add_environment(out);
  return out;
}

std::map<std::string, std::string> threads() {
  std::map<std::string, std::string> out;
  std::set<std::string> of_the_host;  // as they are now: there may be more in a moment
  for (const pid_t id : plugin::CallThreads::shared().ids()) of_the_host.insert(std::to_string(id));
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/proc/self/task", ec)) {
    // One that ends meanwhile has no name any more.
    const auto name = read_file(entry.path() / "comm");
    if (name && !of_the_host.contains(entry.path().filename().string()))
      out[entry.path().filename().string()] = name->substr(0, name->find('\n'));
  }
  return out;
}

std::vector<std::string> new_threads(const std::map<std::string, std::string>& before) {
  const MonoMs end = proc::monotonic_ms() + kSettleMs;
  for (;;) {
    std::vector<std::string> names;
    for (const auto& [id, name] : threads())
      if (!before.contains(id)) names.push_back(name);
    if (names.empty() || proc::monotonic_ms() >= end) return names;
    ::poll(nullptr, 0, 5);
  }
}

std::string difference(const Surroundings& before, const Surroundings& after) {
  std::vector<std::string> lines;
  for (const auto& [what, value] : after) {
    const auto old = before.find(what);
    if (old == before.end())
      lines.push_back(what + ": is new (" + value + ")");
    else if (old->second != value)
      lines.push_back(what + ": was " + old->second + ", is " + value);
  }
  for (const auto& [what, value] : before)
    if (!after.contains(what)) lines.push_back(what + ": is gone (was " + value + ")");
  return join(lines, "; ");
}

}  // namespace skep::conformance
