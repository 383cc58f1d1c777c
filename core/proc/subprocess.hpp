// Runs programs as children that can always be ended. The only place that forks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"

namespace skep::proc {

struct Spec {
  std::vector<std::string> argv;   ///< argv[0]: a path, or a name looked up in our PATH
  std::vector<std::string> env;    ///< "KEY=value": exactly the child's environment
  std::string cwd;                 ///< "" = ours
  std::string stdin_bytes;         ///< written to the child, then closed
  Millis timeout{0};               ///< 0 = none
  Millis grace{5'000};             ///< SIGTERM to SIGKILL
  std::uint64_t memory_bytes = 0;  ///< RLIMIT_AS, 0 = none
  int nice = 0;
};

enum class ExitReason { kExited, kSignaled, kTimeout, kCancelled };

struct Exit {
  ExitReason reason = ExitReason::kExited;
  int exit_code = -1;  ///< kExited only
  int signal = 0;      ///< when a signal ended it
  Millis duration{0};
  Millis cpu{0};
  std::int64_t max_rss_bytes = 0;
};

/// Bytes as they come; false ends the child.
using Output = std::function<bool(bool is_stderr, std::string_view bytes)>;

/// Runs to the end on the caller's thread. Readable `cancel_fd` (-1 = none) ends the child; so does
/// `deadline` (monotonic ms, 0 = none). The child has its own session and process group, only
/// descriptors 0 to 2, umask 077, default signals, no core file, and dies with us. When it has
/// exited but a grandchild keeps a pipe open, output is read for at most 2 s more. Then everything
/// it left is killed, also what moved to another session. A child that even SIGKILL cannot end
/// (stuck in the kernel) is given up after 2 s with a log line; it runs none of its code any more.
///
/// Started only when neither cancelled nor late: otherwise an Exit with duration 0 says so.
/// `max_rss_bytes` is exact above our own peak size; below it is sampled while the child runs, and
/// 0 when it ended too fast. kNotFound or kDenied when it cannot be started, naming the program;
/// kInvalid for a `cwd` that is no folder. [any]
Result<Exit> run(const Spec& spec, int cancel_fd, MonoMs deadline, const Output& output);

/// A child that runs beside us, with its stdout and stderr in a file (append) or, when `log_path`
/// is
/// "", inherited. It dies with us. One thread at a time.
class Background {
 public:
  /// `spec.timeout` and `spec.grace` have no meaning here. Errors as of run().
  static Result<Background> spawn(const Spec& spec, const std::string& log_path);
  Background(Background&& other) noexcept;
  Background& operator=(Background&& other) noexcept;
  /// Kills what still runs, without waiting; stop() is the polite way.
  ~Background();
  pid_t pid() const { return pid_; }
  /// Its exit, once it has ended; nothing while it runs. Waits at most `wait`.
  std::optional<Exit> poll(Millis wait = Millis{0});
  /// Signals the child alone (not its group), by pidfd: never another process.
  void signal(int number);
  /// SIGTERM, `grace`, SIGKILL to its group; reaps it. Idempotent.
  Exit stop(Millis grace);

 private:
  Background() = default;
  void release();
  void reap();
  UniqueFd pidfd_;
  pid_t pid_ = -1;
  MonoMs started_ = 0;
  std::optional<Exit> exit_;
};

}  // namespace skep::proc
