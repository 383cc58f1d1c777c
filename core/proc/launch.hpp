// Starts one child: the only clone() of the program, on one thread that never ends.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "core/base/fd.hpp"
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
  std::string program{};  ///< file to execute; "" = argv[0], looked up in the spec's PATH
  int in = -1;            ///< become the child's 0, 1 and 2
  int out = -1;
  int err = -1;
  std::span<const int> more{};  ///< become 3, 4 .. ; at most kMoreFds
  Mark mark = 0;                ///< 0 = none: nobody sees to what it leaves behind
  bool dies_with_us = true;
};

/// Returns when the program runs. kNotFound or kDenied when it cannot, naming what is missing. The
/// caller reaps the child. [any]
Result<Child> launch(const Launch& request);

/// The same, on this thread. REQUIRES: the spawner's thread.
Result<Child> launch_here(const Launch& request);

/// Leaves a child that does not end to the spawner, which reaps it one day. [any]
void abandon(Child child);

/// Counts the children that run (+1, -1): while there are some, the spawner reaps what we adopt.
void watch_children(int change);

}  // namespace skep::proc
