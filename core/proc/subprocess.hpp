// Runs programs as children that can always be ended. The only place that forks.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"

namespace skep::proc {

struct Spec {
  std::vector<std::string> argv;     ///< argv[0]: a path, or a name looked up in env's PATH
  std::vector<std::string> env;      ///< "KEY=value": exactly the child's environment
  std::string cwd;                   ///< "" = ours
  std::string stdin_bytes;           ///< written to the child, then closed
  Millis timeout{0};                 ///< 0 = none
  Millis grace{5'000};               ///< SIGTERM to SIGKILL
  std::uint64_t memory_bytes = 0;    ///< RLIMIT_AS, 0 = none
  int nice = 0;
};

enum class ExitReason { kExited, kSignaled, kTimeout, kCancelled };

struct Exit {
  ExitReason reason = ExitReason::kExited;
  int exit_code = -1;                ///< kExited only
  int signal = 0;                    ///< when a signal ended it
  Millis duration{0};
  Millis cpu{0};
  std::int64_t max_rss_bytes = 0;
};

/// Bytes as they come; false ends the child.
using Output = std::function<bool(bool is_stderr, std::string_view bytes)>;

/// Runs to the end on the caller's thread. Readable `cancel_fd` (-1 = none) ends the child; so does
/// `deadline` (monotonic ms, 0 = none). The child has its own session and process group, only
/// descriptors 0 to 2, dies with us, and nothing it left in its group survives. When it has exited
/// but a grandchild keeps a pipe open, output is read for at most 2 s more.
/// kNotFound or kDenied when it cannot be started, naming the program. [any]
Result<Exit> run(const Spec& spec, int cancel_fd, MonoMs deadline, const Output& output);

/// A child that runs beside us, with its stdout and stderr in a file (append) or inherited.
class Background {
 public:
  static Result<Background> spawn(const Spec& spec, const std::string& log_path);
  Background(Background&&) noexcept = default;
  Background& operator=(Background&&) noexcept = default;
  pid_t pid() const { return pid_; }
  /// Its exit, once it has ended; nothing while it runs. Waits at most `wait`.
  std::optional<Exit> poll(Millis wait = Millis{0});
  /// Signals the child alone (not its group), by pidfd: never another process.
  void signal(int number);
  /// SIGTERM, `grace`, SIGKILL to its group; reaps it.
  Exit stop(Millis grace);

 private:
  Background() = default;
  UniqueFd pidfd_;
  pid_t pid_ = -1;
};

}  // namespace skep::proc
