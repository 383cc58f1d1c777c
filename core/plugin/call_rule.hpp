// How long the host waits for the answers of queues, stores, spools and heartbeats.
#pragma once

#include <string_view>

#include "core/base/clock.hpp"
#include "core/plugin/hung_calls.hpp"

namespace skep::plugin {

struct CallLimits {
  /// One step of a queue or a store. Twice as long as what they wait for a lock or a reader of
  /// their own: a disk that is only slow answers first, with words of its own.
  Millis step{10'000};
  /// A step over many rows: forgetting old ones.
  Millis sweep{30'000};
  /// What reads or writes all there is: a new schema for the tables, each file of a spool. A start
  /// may take as long. Given up too early it would begin anew each time, and never end.
  Millis whole{120'000};
  /// One step of a spool, which syncs files and folders: longer than a disk that is waking up.
  Millis spool{15'000};
  /// Beyond the time that a caller of wait() asked for: it only has to come back.
  Millis beyond_wait{5'000};
  /// From the deadline, or a cancellation, until the call is given up: what honours its deadline
  /// ends in between and says how.
  Millis grace{2'000};
  /// The limit of each call, if it is shorter, once the node stops: who stops it waits.
  Millis stopping{5'000};
};

/// One function of a kind.
struct CallRule {
  std::string_view name;  ///< a literal: "enqueue"
  Millis limit{0};
  int most_hung = HungCalls::kMost;  ///< so many were given up: no further one is made
};

}  // namespace skep::plugin
