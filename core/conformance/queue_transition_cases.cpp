// Every pair of a state and an event: what the table allows happens, everything else changes
// nothing.
#include "core/conformance/queue_bench.hpp"
#include "core/conformance/queue_cases.hpp"

namespace skep::conformance {
namespace {

using model::Event;
using model::TaskState;
using enum model::TaskState;
using enum model::Event;

constexpr WallMs kExpiresAt = kEpoch + 100'000'000;

bool is_timed(Event e) { return e == kDue || e == kLeaseOver || e == kExpire; }
bool needs_last_try(Event e) { return e == kExhaust || e == kLoseDead; }
bool speaks_of_an_attempt(Event e) {
  return !is_timed(e) && e != kClaim && e != kCancel && e != kRequeue;
}

class QueueTransitions : public QueueBench {
 public:
  using QueueBench::QueueBench;

 protected:
  /// A task in `from`, ready for `event`.
  model::Task bring(TaskState from, Event event) {
    model::Task task = new_task("x");
    task.spec.expires_ms = kExpiresAt;
    const bool was_claimed = speaks_of_an_attempt(event);
    if (from == kWaiting && !was_claimed) task.spec.run_at_ms = now + 1'000;
    if (needs_last_try(event) && model::is_held(from)) task.spec.max_attempts = 1;
    enqueue(task);
    if ((from == kQueued || from == kWaiting) && !was_claimed) return get("x");
    const model::Task held = claim_one();
    bring_claimed(held, from);
    model::Task out = get("x");
    out.lease_id = held.lease_id;
    return out;
  }

  void bring_claimed(const model::Task& held, TaskState from) {
    switch (from) {
      case kClaimed:
        return;
      case kExecuting:
        renew(held, true);
        return;
      case kSuspect:
        time_out(held);
        return;
      case kSucceeded:
        complete(success(held));
        return;
      case kFailed:
        complete(failure(held));
        return;
      case kCancelled:
        must(q().cancel(now, "x", "{}"));
        return;
      case kDead:
        lose(held, true, 1);
        return;
      case kQueued:
      case kWaiting:
        time_out(held);
        lose(held, false);
        if (from == kWaiting) return;
        now += 1'000;
        tick();
        return;
    }
  }

  void happen(Event event, const model::Task& t) {
    // Another key than that of a result which came before: the state must decide, not the key.
    const auto fresh = [](ports::ResultRecord r) {
      r.idempotency_key += "-again";
      return r;
    };
    const bool crash = t.state != kSuspect;
    switch (event) {
      case kDue:
        now = t.spec.run_at_ms;
        tick();
        return;
      case kClaim:
        claim();
        return;
      case Event::kStart:
        renew(t, true);
        return;
      case kRenew:
        renew(t, false);
        return;
      case kLeaseOver:
        now = t.lease_expires_ms + 1;
        tick();
        return;
      case kSucceed:
        complete(fresh(success(t)));
        return;
      case kFail:
        complete(fresh(failure(t)));
        return;
      case kRetry:
      case kExhaust:
        complete(fresh(failure(t, 5'000)));
        return;
      case kStopped:
        complete(fresh(result_of(t, model::OutcomeKind::kCancelled)));
        return;
      case kRelease:
        release(t);
        return;
      case kLoseRetry:
      case kLoseDead:
        lose(t, crash);
        return;
      case kCancel:
        must(q().cancel(now, t.id, "{}"));
        return;
      case kExpire:
        now = kExpiresAt;
        tick();
        return;
      case kRequeue:
        must(q().requeue(now, t.id, ports::kAnyAttempt));
        return;
    }
  }
};

SKEP_KIT_CASE(QueueTransitions, do_what_the_table_says_and_nothing_else) {
  for (int from = 0; from < static_cast<int>(model::kTaskStates); ++from) {
    for (int event = 0; event <= static_cast<int>(kRequeue); ++event) {
      const auto state = static_cast<TaskState>(from);
      const auto what = static_cast<Event>(event);
      const auto to = model::next(state, what);
      // Time moves several things at once; a refusal can only be seen where nothing may move.
      if (!to && is_timed(what) && !model::is_terminal(state)) continue;
      const At at(std::string(model::to_string(state)) + " + " +
                  std::string(model::to_string(what)));
      now = kEpoch;
      fresh_queue();
      const model::Task before = bring(state, what);
      KIT_EQ(before.state, state);
      happen(what, before);
      const bool start_of_running = state == kExecuting && what == model::Event::kStart;
      KIT_EQ(state_of("x"), start_of_running ? kExecuting : to.value_or(state));
    }
  }
}

}  // namespace

Cases<ports::Queue> queue_transition_cases() {
  static constexpr KindCase<ports::Queue> kCases[] = {
      SKEP_KIT_ENTRY(do_what_the_table_says_and_nothing_else)};
  return kCases;
}

}  // namespace skep::conformance
