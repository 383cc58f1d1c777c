// The guard: a small process beside us that outlives us by a moment.
//
// Rationale: when the host is killed with SIGKILL, its children die by PR_SET_PDEATHSIG, but what
// they left in other sessions does not. The guard holds one end of a pipe; when the host is gone,
// however it went, the guard kills every process that carries one of the host's marks, and ends.
#pragma once

#include "core/base/fd.hpp"
#include "core/proc/launch.hpp"

namespace skep::proc {

/// Starts the guard, or again when somebody ended it. Used by one thread at a time, one that never
/// ends.
class GuardKeeper {
 public:
  void ensure();

 private:
  Child guard_;
  UniqueFd pipe_;
  bool failed_ = false;
};

}  // namespace skep::proc
