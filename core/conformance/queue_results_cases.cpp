// Verdicts, fencing, losses, the operator, completions.
#include <set>

#include "core/conformance/queue_bench.hpp"
#include "core/conformance/queue_cases.hpp"

namespace skep::conformance {
namespace {

using enum model::TaskState;
using model::Verdict;
using ports::LeaseVerdict;

SKEP_KIT_CASE(QueueBench, applies_a_success_once) {
  const model::Task t = claimed("a");
  now += 10'000;
  auto r = success(t);
  r.outcome.queued_ms = 1'000;
  r.outcome.duration_ms = 5'000;
  KIT_EQ(complete(r), Verdict::kApplied);
  const model::Task done = get("a");
  KIT_EQ(done.state, kSucceeded);
  KIT_EQ(done.result, R"({"ok":true})");
  KIT_EQ(done.started_ms, t.claimed_ms + 1'000);
  KIT_EQ(done.finished_ms, t.claimed_ms + 6'000);
  KIT_EQ(complete(r), Verdict::kDuplicate);
  KIT_EQ(completions().size(), 1u);
  KIT_EQ(completions()[0].task.state, kSucceeded);
  KIT_EQ(completions()[0].task.result, R"({"ok":true})");
  const auto attempts = must(q().attempts("a"));
  KIT_EQ(attempts.size(), 1u);
  KIT_EQ(attempts[0].outcome, "succeeded");
  KIT_EQ(attempts[0].finished_ms, done.finished_ms);
}

SKEP_KIT_CASE(QueueBench, refuses_another_body_under_a_used_key) {  // Q7
  const model::Task t = claimed("a");
  auto r = success(t);
  complete(r);
  r.outcome.result = R"({"ok":false})";
  r.body_sha256 = sha256_hex(r.outcome.result);
  KIT_EQ(complete(r), Verdict::kKeyConflict);
  KIT_EQ(get("a").result, R"({"ok":true})");
  KIT_EQ(completions().size(), 1u);
}

SKEP_KIT_CASE(QueueBench, records_impossible_results_as_orphans) {  // Q8, Q10
  const model::Task t = claimed("a");
  const auto orphan = [&](auto change) {
    model::Task other = t;
    change(other);
    const auto r = success(other);
    KIT_EQ(complete(r), Verdict::kOrphanRecorded);
    KIT_EQ(complete(r), Verdict::kDuplicate);
  };
  orphan([](model::Task& o) { o.id = "unknown"; });
  orphan([](model::Task& o) { o.attempt = 2; });
  orphan([](model::Task& o) { o.attempt = 0; });
  orphan([](model::Task& o) { o.lease_id = "feedbeef"; });
  orphan([](model::Task& o) { o.lease_id.clear(); });
  KIT_EQ(state_of("a"), kClaimed);
  KIT_TRUE(completions().empty());
  KIT_EQ(complete(success(t)), Verdict::kApplied);
}

SKEP_KIT_CASE(QueueBench, refuses_the_result_of_another_worker) {
  const model::Task t = claimed("a");
  auto r = success(t);
  r.worker_id = "intruder";
  KIT_EQ(complete(r), Verdict::kWrongWorker);
  KIT_EQ(state_of("a"), kClaimed);
  r.worker_id = t.worker_id;
  KIT_EQ(complete(r), Verdict::kApplied);
}

SKEP_KIT_CASE(QueueBench, applies_a_late_success_unless_claimed_again) {  // Q9
  const model::Task first = claimed("a");
  time_out(first);
  KIT_EQ(lose(first, false), LeaseVerdict::kHeld);
  KIT_EQ(state_of("a"), kWaiting);
  KIT_EQ(complete(success(first)), Verdict::kAppliedLate);
  KIT_EQ(state_of("a"), kSucceeded);
  now += 1'000'000;
  tick();
  KIT_TRUE(claim().empty());
  KIT_EQ(completions().size(), 1u);
  KIT_EQ(first_of(must(q().attempts("a"))).outcome, "succeeded");
}

SKEP_KIT_CASE(QueueBench, records_a_late_failure_and_keeps_the_retry) {
  const model::Task first = claimed("a");
  time_out(first);
  lose(first, false);
  KIT_EQ(complete(failure(first, 1'000)), Verdict::kSuperseded);
  KIT_EQ(state_of("a"), kWaiting);
  KIT_EQ(get("a").tries_used, 1);
}

SKEP_KIT_CASE(QueueBench, lets_the_newer_attempt_win) {  // Q3
  const model::Task first = claimed("a");
  time_out(first);
  lose(first, false, 3, 0);
  tick();
  const model::Task second = claim_one(worker("w2"));
  KIT_EQ(second.attempt, 2);
  KIT_EQ(renew(first, true), LeaseVerdict::kLost);
  KIT_EQ(complete(success(first)), Verdict::kSuperseded);
  KIT_EQ(complete(success(first)), Verdict::kDuplicate);
  KIT_EQ(state_of("a"), kClaimed);
  KIT_EQ(complete(success(second)), Verdict::kApplied);
  KIT_EQ(completions().size(), 1u);
  KIT_EQ(first_of(must(q().attempts("a"))).outcome, "lost");
}

SKEP_KIT_CASE(QueueBench, takes_an_expired_but_unclaimed_lease_as_held) {
  const model::Task t = claimed("a");
  now = t.lease_expires_ms + 1;
  tick();
  KIT_EQ(state_of("a"), kSuspect);
  KIT_EQ(complete(success(t)), Verdict::kApplied);
}

SKEP_KIT_CASE(QueueBench, retries_until_the_tries_are_used_up) {
  enqueue([] {
    model::Task task = new_task("a");
    task.spec.max_attempts = 3;
    return task;
  }());
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const model::Task t = claim_one();
    KIT_EQ(t.attempt, attempt);
    KIT_EQ(complete(failure(t, 5'000)), Verdict::kApplied);
    if (attempt == 3) break;
    KIT_EQ(get("a").spec.run_at_ms, now + 5'000);
    KIT_TRUE(claim().empty());
    now += 5'000;
    tick();
  }
  KIT_EQ(state_of("a"), kDead);
  KIT_EQ(get("a").error, R"({"code":"boom"})");
  KIT_EQ(completions().size(), 1u);
  KIT_EQ(must(q().attempts("a")).size(), 3u);
}

SKEP_KIT_CASE(QueueBench, ignores_a_second_word_about_a_failed_attempt) {
  const model::Task t = claimed("a");
  complete(failure(t, 5'000));
  auto other = success(t);
  other.idempotency_key = "another key";
  KIT_EQ(complete(other), Verdict::kSuperseded);
  KIT_EQ(state_of("a"), kWaiting);
}

SKEP_KIT_CASE(QueueBench, never_finishes_in_the_future_or_before_creation) {
  const model::Task t = claimed("a");
  now += 100;
  auto r = success(t);
  r.outcome.queued_ms = -5;
  r.outcome.duration_ms = std::numeric_limits<std::int64_t>::max();
  complete(r);
  KIT_EQ(get("a").started_ms, t.claimed_ms);
  KIT_EQ(get("a").finished_ms, now);
}

SKEP_KIT_CASE(QueueBench, requires_an_idempotency_key) {
  auto r = success(claimed("a"));
  r.idempotency_key.clear();
  const auto refused = q().complete(now, {&r, 1});
  KIT_FALSE(refused);
  KIT_EQ(refused.error().code, Code::kInvalid);
}

SKEP_KIT_CASE(QueueBench, leaves_a_task_that_finished_before_it_was_given_up) {  // Q4
  for (int i = 0; i < 100; ++i) {
    const model::Task t = claimed("a" + std::to_string(i));
    time_out(t);
    const auto seen = must(q().overdue(now - kLostAfter, "", ""));
    KIT_EQ(seen.size(), 1u);
    complete(success(t));
    KIT_EQ(lose(seen[0], false), LeaseVerdict::kLost);
    KIT_EQ(state_of(t.id), kSucceeded);
  }
}

SKEP_KIT_CASE(QueueBench, leaves_a_task_that_was_claimed_again_or_came_back) {  // Q5
  for (int i = 0; i < 50; ++i) {
    const model::Task t = claimed("a" + std::to_string(i));
    time_out(t);
    const auto seen = must(q().overdue(now - kLostAfter, "", ""));
    KIT_EQ(seen.size(), 1u);
    if (i % 2 == 0) {
      renew(t, true);
      KIT_EQ(lose(seen[0], false), LeaseVerdict::kLost);
      KIT_EQ(state_of(t.id), kExecuting);
      complete(success(t));
    } else {
      release(t);
      const model::Task fresh = claim_one();
      KIT_EQ(lose(seen[0], false), LeaseVerdict::kLost);
      KIT_EQ(lose(seen[0], true), LeaseVerdict::kLost);
      KIT_EQ(get(t.id).lease_id, fresh.lease_id);
      complete(success(fresh));
    }
  }
}

SKEP_KIT_CASE(QueueBench, gives_nothing_up_that_is_not_overdue) {
  const model::Task t = claimed("a");
  KIT_EQ(lose(t, false), LeaseVerdict::kLost);
  now = t.lease_expires_ms + 1;
  tick();
  now += kLostAfter - 1;
  KIT_TRUE(must(q().overdue(now - kLostAfter, "", "")).empty());
  KIT_EQ(lose(t, false), LeaseVerdict::kLost);
  now += 2;
  KIT_EQ(lose(t, false), LeaseVerdict::kHeld);
}

SKEP_KIT_CASE(QueueBench, names_what_a_restarted_worker_held) {
  const model::Task t = claimed("a");
  enqueue(new_task("b"));
  const model::Task other = claim_one(worker("w2"));
  KIT_TRUE(must(q().overdue(now - kLostAfter, "w1", t.incarnation)).empty());
  const auto held = must(q().overdue(now - kLostAfter, "w1", "w1-boot2"));
  KIT_EQ(ids(held), std::vector<std::string>{"a"});
  KIT_EQ(lose(held[0], true), LeaseVerdict::kHeld);
  KIT_EQ(get("a").crash_count, 1);
  KIT_EQ(get("b").lease_id, other.lease_id);
}

SKEP_KIT_CASE(QueueBench, buries_a_task_that_kills_its_workers) {  // Q12
  enqueue(new_task("a"));
  for (int crash = 1; crash <= 3; ++crash) {
    const model::Task t = claim_one();
    KIT_EQ(lose(t, true, 3, 0), LeaseVerdict::kHeld);
    KIT_EQ(get("a").crash_count, crash);
    KIT_EQ(state_of("a"), crash < 3 ? kWaiting : kDead);
    tick();
  }
  KIT_EQ(completions().size(), 1u);
  KIT_EQ(completions()[0].task.crash_count, 3);
  KIT_EQ(get("a").error, R"({"code":"lost"})");
}

SKEP_KIT_CASE(QueueBench, finds_one_overdue_among_many_that_run) {  // Q25
  std::vector<model::Task> tasks;
  for (int i = 0; i < 10'000; ++i) tasks.push_back(new_task("t" + std::to_string(i)));
  enqueue(tasks);
  KIT_EQ(must(q().claim(now, {worker(), 10'000, 10'000'000})).size(), 10'000u);
  const model::Task last = claimed("last");
  time_out(last);
  KIT_EQ(ids(must(q().overdue(now - kLostAfter, "", ""))), std::vector<std::string>{"last"});
}

SKEP_KIT_CASE(QueueBench, cancels_what_has_not_ended_and_voids_its_lease) {
  const model::Task t = claimed("a");
  KIT_EQ(must(q().cancel(now, "a", R"({"code":"stop"})")), LeaseVerdict::kHeld);
  KIT_EQ(state_of("a"), kCancelled);
  KIT_EQ(get("a").error, R"({"code":"stop"})");
  KIT_EQ(renew(t, true), LeaseVerdict::kLost);
  KIT_EQ(complete(success(t)), Verdict::kSuperseded);
  KIT_EQ(state_of("a"), kCancelled);
  KIT_EQ(must(q().cancel(now, "a", "{}")), LeaseVerdict::kLost);
  KIT_EQ(must(q().cancel(now, "nobody", "{}")), LeaseVerdict::kUnknown);
  KIT_EQ(completions().size(), 1u);
}

SKEP_KIT_CASE(QueueBench, keeps_each_completion_as_it_was) {
  const model::Task first = claimed("a");
  complete(failure(first));
  KIT_EQ(must(q().requeue(now, "a", ports::kAnyAttempt)), LeaseVerdict::kHeld);
  const model::Task fresh = get("a");
  KIT_EQ(fresh.state, kQueued);
  KIT_EQ(fresh.tries_used, 0);
  KIT_EQ(fresh.finished_ms, 0);
  KIT_EQ(fresh.error, "");
  KIT_EQ(completions().size(), 1u);
  KIT_EQ(completions()[0].task.state, kFailed);
  KIT_EQ(completions()[0].task.error, R"({"code":"boom"})");
  const model::Task second = claim_one();
  KIT_EQ(second.attempt, 2);
  complete(success(second));
  const auto all = completions();
  KIT_EQ(all.size(), 2u);
  KIT_LT(all[0].sequence, all[1].sequence);
  KIT_EQ(all[0].task.state, kFailed);
  KIT_EQ(all[1].task.state, kSucceeded);
  KIT_EQ(completions(all[0].sequence).size(), 1u);
  KIT_EQ(completions(0, 1)[0].sequence, all[0].sequence);
}

SKEP_KIT_CASE(QueueBench, requeues_a_held_task_away_from_its_worker) {  // Q20
  const model::Task t = claimed("a");
  KIT_EQ(must(q().requeue(now, "a", ports::kAnyAttempt)), LeaseVerdict::kHeld);
  KIT_EQ(renew(t, true), LeaseVerdict::kLost);
  KIT_EQ(complete(success(t)), Verdict::kSuperseded);
  KIT_EQ(state_of("a"), kQueued);
  KIT_EQ(first_of(must(q().attempts("a"))).outcome, "superseded");
  KIT_EQ(must(q().requeue(now, "a", ports::kAnyAttempt)), LeaseVerdict::kLost);
  KIT_EQ(must(q().requeue(now, "nobody", ports::kAnyAttempt)), LeaseVerdict::kUnknown);
}

SKEP_KIT_CASE(QueueBench, requeues_only_the_attempt_that_was_seen) {
  const model::Task t = claimed("a");
  KIT_EQ(must(q().requeue(now, "a", t.attempt - 1)), LeaseVerdict::kLost);
  KIT_EQ(renew(t, true), LeaseVerdict::kHeld) << "nothing was cut off";
  KIT_EQ(must(q().requeue(now, "a", t.attempt)), LeaseVerdict::kHeld);
  KIT_EQ(renew(t, true), LeaseVerdict::kLost);
  const model::Task second = claim_one();
  KIT_EQ(must(q().requeue(now, "a", t.attempt)), LeaseVerdict::kLost);
  complete(failure(second));
  KIT_EQ(must(q().requeue(now, "a", t.attempt)), LeaseVerdict::kLost) << "of an ended one, too";
  KIT_EQ(state_of("a"), kFailed);
  KIT_EQ(must(q().requeue(now, "a", second.attempt)), LeaseVerdict::kHeld);
}

SKEP_KIT_CASE(QueueBench, orders_completions_by_finishing) {
  std::vector<model::Task> held;
  for (int i = 0; i < 5; ++i) held.push_back(claimed("t" + std::to_string(i)));
  for (const int i : {3, 0, 4, 1, 2}) complete(success(held[static_cast<std::size_t>(i)]));
  std::vector<std::string> order;
  std::int64_t last = 0;
  for (const auto& c : completions()) {
    KIT_GT(c.sequence, last);
    last = c.sequence;
    order.push_back(c.task.id);
  }
  KIT_EQ(order, (std::vector<std::string>{"t3", "t0", "t4", "t1", "t2"}));
}

SKEP_KIT_CASE(QueueBench, are_forgotten_with_their_tasks_when_they_are_old) {
  constexpr std::int64_t kAll = 1'000'000;
  model::Task keyed = new_task("a");
  keyed.spec.idempotency_key = "k";
  enqueue(keyed);
  const auto old_result = success(claim_one());
  complete(old_result);
  complete(failure(claimed("again")));
  KIT_EQ(must(q().requeue(now, "again", ports::kAnyAttempt)), ports::LeaseVerdict::kHeld);
  const model::Task running = claim_one();
  now += 1'000;
  complete(success(claimed("b")));
  enqueue(new_task("waiting"));

  KIT_EQ(must(q().purge(now, 0, 100)), 2u) << "results only: no completion is applied yet";
  KIT_EQ(state_of("a"), kSucceeded);
  KIT_GT(must(q().purge(now, kAll, 1)), 0u);
  KIT_EQ(completions().size(), 2u) << "a batch of one";
  while (must(q().purge(now, kAll, 100)) > 0) {
  }
  KIT_TRUE(must(q().attempts("a")).empty());
  std::set<std::string> left;
  for (const auto& t : must(q().read({}))) left.insert(t.id);
  KIT_EQ(left, (std::set<std::string>{"again", "b", "waiting"}));
  KIT_EQ(must(q().attempts("again")).size(), 2u) << "it runs again, so it keeps its history";
  KIT_EQ(completions().size(), 1u);
  KIT_EQ(completions()[0].task.id, "b");
  KIT_EQ(complete(success(running)), Verdict::kApplied);
  KIT_EQ(complete(old_result), Verdict::kOrphanRecorded);
  KIT_EQ(enqueue(keyed).verdict, ports::EnqueueVerdict::kEnqueued) << "its key is free again";
  const auto last = completions();
  KIT_EQ(last.size(), 2u);
  KIT_GT(last[1].sequence, last[0].sequence) << "sequence numbers are never used twice";
}

SKEP_KIT_CASE(QueueBench, keep_everything_over_a_restart) {
  skip_unless_durable();
  const model::Task done = claimed("done");
  complete(success(done));
  const model::Task held = claimed("held");
  enqueue(new_task("ready"));
  reopen();
  KIT_EQ(state_of("done"), kSucceeded);
  KIT_EQ(complete(success(done)), Verdict::kDuplicate);
  KIT_EQ(renew(held, true), LeaseVerdict::kHeld);
  KIT_EQ(claim_one().id, "ready");
  KIT_EQ(completions().size(), 1u);
  complete(success(held));
  KIT_EQ(first_of(completions(first_of(completions()).sequence)).task.id, "held");
}

}  // namespace

Cases<ports::Queue> queue_results_cases() {
  static constexpr KindCase<ports::Queue> kCases[] = {
      SKEP_KIT_ENTRY(applies_a_success_once),
      SKEP_KIT_ENTRY(refuses_another_body_under_a_used_key),
      SKEP_KIT_ENTRY(records_impossible_results_as_orphans),
      SKEP_KIT_ENTRY(refuses_the_result_of_another_worker),
      SKEP_KIT_ENTRY(applies_a_late_success_unless_claimed_again),
      SKEP_KIT_ENTRY(records_a_late_failure_and_keeps_the_retry),
      SKEP_KIT_ENTRY(lets_the_newer_attempt_win),
      SKEP_KIT_ENTRY(takes_an_expired_but_unclaimed_lease_as_held),
      SKEP_KIT_ENTRY(retries_until_the_tries_are_used_up),
      SKEP_KIT_ENTRY(ignores_a_second_word_about_a_failed_attempt),
      SKEP_KIT_ENTRY(never_finishes_in_the_future_or_before_creation),
      SKEP_KIT_ENTRY(requires_an_idempotency_key),
      SKEP_KIT_ENTRY(leaves_a_task_that_finished_before_it_was_given_up),
      SKEP_KIT_ENTRY(leaves_a_task_that_was_claimed_again_or_came_back),
      SKEP_KIT_ENTRY(gives_nothing_up_that_is_not_overdue),
      SKEP_KIT_ENTRY(names_what_a_restarted_worker_held),
      SKEP_KIT_ENTRY(buries_a_task_that_kills_its_workers),
      SKEP_KIT_ENTRY(finds_one_overdue_among_many_that_run),
      SKEP_KIT_ENTRY(cancels_what_has_not_ended_and_voids_its_lease),
      SKEP_KIT_ENTRY(keeps_each_completion_as_it_was),
      SKEP_KIT_ENTRY(requeues_a_held_task_away_from_its_worker),
      SKEP_KIT_ENTRY(requeues_only_the_attempt_that_was_seen),
      SKEP_KIT_ENTRY(orders_completions_by_finishing),
      SKEP_KIT_ENTRY(are_forgotten_with_their_tasks_when_they_are_old),
      SKEP_KIT_ENTRY(keep_everything_over_a_restart)};
  return kCases;
}

}  // namespace skep::conformance
