// Starts one child: the only clone() of the program, on threads that never end.
//
// Rationale: a program or folder on a mount that does not answer holds a start for as long as it
// likes. So a start owns all that it needs, its caller waits no longer than it wants to, and the
// others get a thread of their own.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/proc/mark.hpp"
#include "core/proc/subprocess.hpp"

namespace skep::proc {

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;
};

inline constexpr std::size_t kMoreFds = 3;

struct Launch {
  const Spec& spec;       ///< argv, env, cwd, memory_bytes, nice
  std::string program{};  ///< file to execute; "" = argv[0], looked up in our PATH
  int in = -1;            ///< become the child's 0, 1 and 2
  int out = -1;
  int err = -1;
  std::span<const int> more{};  ///< become 3, 4 .. ; at most kMoreFds
  Mark mark = 0;                ///< 0 = none: nobody sees to what it leaves behind
  bool dies_with_us = true;
  int cancel_fd = -1;   ///< readable when nobody waits for it any more; -1 = none
  MonoMs deadline = 0;  ///< the same, CLOCK_MONOTONIC; 0 = none
};

/// Returns when the program runs. kNotFound or kDenied when it cannot, naming what is missing;
/// kCancelled or kDeadline when it did not come about in time, and will not. kBusy when too many
/// others do not come about. The caller reaps the child. [any]
Result<Child> launch(const Launch& request);

/// One start, with copies of what was asked for and descriptors of its own.
class Start {
 public:
  static Result<std::shared_ptr<Start>> prepare(const Launch& request);
  /// REQUIRES: a thread that never ends: with it the child would.
  Result<Child> run();
  /// Nobody waits for it any more: kills a child that does not get to its program. [any]
  void give_up();
  Mark mark() const { return mark_; }

 private:
  static constexpr std::size_t kStandardFds = 3;
  static constexpr std::size_t kAllFds = kStandardFds + kMoreFds;
  Start() = default;
  Status add(int given);
  Result<Child> clone_once(struct ChildArgs& args);
  void fill(struct ChildArgs& args) const;

  Spec spec_;
  std::string program_;
  Mark mark_ = 0;
  bool dies_with_us_ = true;
  std::array<UniqueFd, kAllFds> fds_;
  std::size_t fd_count_ = 0;
  Mutex mutex_;
  /// Of the child on its way to its program, which writes it here itself. Cleared under the lock
  /// before the child is reaped or handed over.
  std::atomic<pid_t> on_its_way_{0};
};

/// Leaves a child that does not end to the spawner, which reaps it one day. [any]
void abandon(Child child);

/// Counts the children that run (+1, -1): while there are some, the spawner reaps what we adopt.
void watch_children(int change);

}  // namespace skep::proc
