// Marks: how we find what a child left behind.
//
// Rationale: a process that forks twice and calls setsid() leaves its group and its parent, and an
// environment variable is gone after `env -i`. A resource limit is inherited by every fork and exec
// and can only be lowered, so each child gets its own value of RLIMIT_RTTIME, which limits nothing
// at this size (thousands of years of real-time scheduling), and anybody can read it back.
//
// Who lowers it is not lost: once its parent is gone it is ours, with a limit below our own that is
// the mark of no child that lives. Nobody needs such a stray, so it ends without waiting for
// anyone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "core/base/clock.hpp"

namespace skep::proc {

using Mark = std::uint64_t;

struct MarkRange {
  Mark first = 1;
  Mark last = 0;
  bool holds(Mark m) const { return first <= m && m <= last; }
};

/// Who sees to what a child leaves behind when we are killed.
enum class Kin {
  kTask,        ///< the guard does
  kBackground,  ///< the child does itself: it may be a host with a guard of its own
};

/// Of a guard. It must outlive its host, also when that host is marked itself and is swept.
inline constexpr Mark kGuardMark = 1 << 20;

/// The marks of this process; empty when the limit was lowered so far that no room is left. [any]
MarkRange marks(Kin kin);
/// A mark that no other living child of ours has; 0 when there are none. [any]
Mark next_mark(Kin kin);
/// The mark of a task's child, for as long as something may bear it.
class LiveMark {
 public:
  LiveMark();
  LiveMark(LiveMark&& other) noexcept : value_(std::exchange(other.value_, 0)) {}
  ~LiveMark();
  /// 0 when there are none.
  Mark value() const { return value_; }

 private:
  Mark value_;
};
/// The value that would be a mark, or nothing when the process is gone or hidden from us. [any]
std::optional<Mark> mark_of(pid_t pid);

/// Makes us the parent of all orphans among our descendants. Idempotent. [any]
void adopt_orphans();
/// False when no orphan of a marked child was adopted that is still unreaped: the cheap way to
/// know that a child which has ended left nothing behind. Every thread's children but the spawner's
/// are on the main thread.
bool has_adopted();
/// Kills strays, and reaps adopted processes that ended: those of marked children, as process 1 all
/// of them.
void bury_adopted();
/// Are we process 1, on whom the orphans of a whole container come? [any]
bool is_init();

/// Kills and reaps every process with a mark in `range` but `except`, until a look at all of them
/// finds none, for at most `limit`. How many could not be ended; one more when not all could be
/// looked at, as without a free descriptor. [any]
int kill_marked(MarkRange range, pid_t except, Millis limit);
/// The same for what our child `leader` with this mark left behind, and for strays, but for those
/// that somebody waited for in vain. [any]
int kill_leftovers(const LiveMark& mark, pid_t leader, Millis limit);

}  // namespace skep::proc
