// The state machine of a task, as a table. Pure.
//
// docs/state-machine.md is generated from this table; the queue conformance suite checks every
// backend against it; the in-memory queue of the tests is written on top of it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/model/task.hpp"

namespace skep::model {

enum class Event {
  kDue,        ///< run_at has come
  kClaim,      ///< a worker leases it
  kStart,      ///< the worker says it runs
  kRenew,      ///< heartbeat
  kLeaseOver,  ///< the lease ran out
  kSucceed,    ///< result: success
  kFail,       ///< result: final failure
  kRetry,      ///< result: failure that may be tried again, tries left
  kExhaust,    ///< result: failure that may be tried again, no tries left
  kStopped,    ///< result: stopped because it was told to
  kRelease,    ///< handed back unfinished
  kLoseRetry,  ///< given up by the reaper, tries left
  kLoseDead,   ///< given up by the reaper, tries or crashes used up
  kCancel,     ///< operator
  kExpire,     ///< expires_at passed before a claim
  kRequeue,    ///< operator
};

struct Transition {
  TaskState from;
  Event event;
  TaskState to;
  std::string_view guard;   ///< what the write checks, in words
  std::string_view effect;  ///< what else it does
};

std::string_view to_string(Event e);
std::span<const Transition> transitions();
/// The state after `event`, or nothing when the table refuses it.
std::optional<TaskState> next(TaskState from, Event event);

/// Delay before retry number `failures` (1 = after the first failure): uniformly random between 1 s
/// and min(15 min, 5 s * 2^(failures-1)), at least `floor_ms`. `random` is any 64-bit number.
std::int64_t backoff_ms(std::int64_t failures, std::int64_t floor_ms, std::uint64_t random,
                        std::int64_t base_ms = 5'000, std::int64_t cap_ms = 900'000);

}  // namespace skep::model
