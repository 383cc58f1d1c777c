// What the tests of core/proc share.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "core/base/id.hpp"
#include "core/proc/monotonic.hpp"
#include "core/proc/subprocess.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::proc {

inline const std::string kPath = "PATH=/usr/local/bin:/usr/bin:/bin";

inline Spec shell(const std::string& script, std::vector<std::string> args = {}) {
  Spec spec;
  spec.argv = {"sh", "-c", script, "sh"};
  spec.argv.insert(spec.argv.end(), args.begin(), args.end());
  spec.env = {kPath};
  return spec;
}

struct Captured {
  std::string out;
  std::string err;
  Output sink() {
    return [this](bool is_stderr, std::string_view bytes) {
      (is_stderr ? err : out) += bytes;
      return true;
    };
  }
};

class Event {
 public:
  Event() : fd_(eventfd(0, EFD_CLOEXEC)) {}
  ~Event() { close(fd_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  int fd() const { return fd_; }
  void set() const {
    const std::uint64_t one = 1;
    if (write(fd_, &one, sizeof(one)) != sizeof(one)) std::abort();
  }

 private:
  int fd_;
};

/// Polls `done` until it holds or the time is up: for what nothing can announce to us.
/// Longer than any machine needs for what comes at once, shorter than what a test must not wait
/// for.
inline constexpr Millis kPatience{120'000};

inline bool eventually(const std::function<bool()>& done, Millis limit = kPatience) {
  const MonoMs until = monotonic_ms() + limit.count();
  while (!done()) {
    if (monotonic_ms() > until) return false;
    std::this_thread::sleep_for(Millis(5));
  }
  return true;
}

/// A number of seconds that no other process sleeps: finds our sleepers by their command line.
inline std::string unique_seconds() {
  return "3" + std::to_string(getpid()) + "." +
         std::to_string(std::hash<std::string>()(random_hex(8)) % 1'000'000'000);
}

/// Empty when it cannot be read: a process may end between open and read.
inline std::string contents(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

/// How many live processes were started with `word` as one of their arguments.
inline int count_processes(const std::string& word) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string line = contents(entry.path() / "cmdline");
    count += line.find('\0' + word + '\0') != std::string::npos;
  }
  return count;
}

using test::TempDir;

}  // namespace skep::proc
