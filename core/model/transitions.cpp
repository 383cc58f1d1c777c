#include "core/model/transitions.hpp"

#include <algorithm>
#include <array>

namespace skep::model {
namespace {

using enum TaskState;
using enum Event;

constexpr std::string_view kFence = "task, attempt and lease match";
constexpr std::string_view kTask = "task and attempt match, nobody claimed it again";

constexpr std::array kTable{
    Transition{kWaiting, kDue, kQueued, "run_at <= now", ""},
    Transition{kQueued, kClaim, kClaimed, "site, worker, type and capabilities fit",
               "attempt + 1, try + 1, new lease"},
    Transition{kClaimed, kStart, kExecuting, kFence, "started_at"},
    Transition{kClaimed, kRenew, kClaimed, kFence, "lease prolonged"},
    Transition{kExecuting, kRenew, kExecuting, kFence, "lease prolonged"},
    Transition{kSuspect, kRenew, kExecuting, kFence, "lease prolonged"},
    Transition{kSuspect, kStart, kExecuting, kFence, "lease prolonged"},
    Transition{kClaimed, kLeaseOver, kSuspect, "lease end < now", ""},
    Transition{kExecuting, kLeaseOver, kSuspect, "lease end < now", ""},

    Transition{kClaimed, kSucceed, kSucceeded, kFence, "result, completion"},
    Transition{kExecuting, kSucceed, kSucceeded, kFence, "result, completion"},
    Transition{kSuspect, kSucceed, kSucceeded, kFence, "result, completion"},
    Transition{kWaiting, kSucceed, kSucceeded, kTask, "applied_late: the retry is cancelled"},
    Transition{kQueued, kSucceed, kSucceeded, kTask, "applied_late: the retry is cancelled"},

    Transition{kClaimed, kFail, kFailed, kFence, "error, completion"},
    Transition{kExecuting, kFail, kFailed, kFence, "error, completion"},
    Transition{kSuspect, kFail, kFailed, kFence, "error, completion"},
    Transition{kClaimed, kRetry, kWaiting, kFence, "run_at = now + backoff"},
    Transition{kExecuting, kRetry, kWaiting, kFence, "run_at = now + backoff"},
    Transition{kSuspect, kRetry, kWaiting, kFence, "run_at = now + backoff"},
    Transition{kClaimed, kExhaust, kDead, kFence, "error, completion"},
    Transition{kExecuting, kExhaust, kDead, kFence, "error, completion"},
    Transition{kSuspect, kExhaust, kDead, kFence, "error, completion"},
    Transition{kClaimed, kStopped, kCancelled, kFence, "completion"},
    Transition{kExecuting, kStopped, kCancelled, kFence, "completion"},
    Transition{kSuspect, kStopped, kCancelled, kFence, "completion"},

    Transition{kClaimed, kRelease, kQueued, kFence, "try - 1, lease void"},
    Transition{kExecuting, kRelease, kQueued, kFence, "try - 1, lease void"},
    Transition{kSuspect, kRelease, kQueued, kFence, "try - 1, lease void"},

    Transition{kSuspect, kLoseRetry, kWaiting, "fence, and lease end < now - lost_after",
               "run_at = now + backoff"},
    Transition{kSuspect, kLoseDead, kDead, "fence, and lease end < now - lost_after",
               "error, completion"},
    Transition{kClaimed, kLoseRetry, kWaiting, "fence, and its worker restarted",
               "crash + 1, run_at = now + backoff"},
    Transition{kExecuting, kLoseRetry, kWaiting, "fence, and its worker restarted",
               "crash + 1, run_at = now + backoff"},
    Transition{kClaimed, kLoseDead, kDead, "fence, and its worker restarted",
               "crash + 1, completion"},
    Transition{kExecuting, kLoseDead, kDead, "fence, and its worker restarted",
               "crash + 1, completion"},

    Transition{kQueued, kCancel, kCancelled, "not ended", "completion"},
    Transition{kWaiting, kCancel, kCancelled, "not ended", "completion"},
    Transition{kClaimed, kCancel, kCancelled, "not ended", "lease void, completion"},
    Transition{kExecuting, kCancel, kCancelled, "not ended", "lease void, completion"},
    Transition{kSuspect, kCancel, kCancelled, "not ended", "lease void, completion"},
    Transition{kQueued, kExpire, kCancelled, "expires_at <= now", "completion"},
    Transition{kWaiting, kExpire, kCancelled, "expires_at <= now", "completion"},

    Transition{kClaimed, kRequeue, kQueued, "forced, attempt as it was seen",
               "fresh tries, lease void"},
    Transition{kExecuting, kRequeue, kQueued, "forced, attempt as it was seen",
               "fresh tries, lease void"},
    Transition{kSuspect, kRequeue, kQueued, "forced, attempt as it was seen",
               "fresh tries, lease void"},
    Transition{kWaiting, kRequeue, kQueued, "attempt as it was seen", "fresh tries"},
    Transition{kSucceeded, kRequeue, kQueued, "attempt as it was seen",
               "fresh tries, result cleared"},
    Transition{kFailed, kRequeue, kQueued, "attempt as it was seen", "fresh tries, error cleared"},
    Transition{kCancelled, kRequeue, kQueued, "attempt as it was seen",
               "fresh tries, error cleared"},
    Transition{kDead, kRequeue, kQueued, "attempt as it was seen", "fresh tries, error cleared"},
};

constexpr std::array<std::string_view, 16> kEventNames{
    "due",     "claim",   "start",   "renew",      "lease_over", "succeed", "fail",   "retry",
    "exhaust", "stopped", "release", "lose_retry", "lose_dead",  "cancel",  "expire", "requeue"};

}  // namespace

std::string_view to_string(Event e) { return kEventNames[static_cast<std::size_t>(e)]; }

std::span<const Transition> transitions() { return kTable; }

std::optional<TaskState> next(TaskState from, Event event) {
  for (const Transition& t : kTable)
    if (t.from == from && t.event == event) return t.to;
  return std::nullopt;
}

std::int64_t backoff_ms(std::int64_t failures, std::int64_t floor_ms, std::uint64_t random,
                        std::int64_t base_ms, std::int64_t cap_ms) {
  const std::int64_t doublings = std::clamp<std::int64_t>(failures - 1, 0, 20);
  const std::int64_t top = std::min(cap_ms, base_ms << doublings);
  const std::int64_t low = std::min<std::int64_t>(1'000, top);
  const auto span = static_cast<std::uint64_t>(top - low + 1);
  return std::max(floor_ms, low + static_cast<std::int64_t>(random % span));
}

}  // namespace skep::model
