// Verdicts, fencing, losses, the operator, completions.
#include <set>

#include "tests/conformance/queue_suite.hpp"

namespace skep::test {
namespace {

using enum model::TaskState;
using model::Verdict;
using ports::LeaseVerdict;
using QueueResults = QueueSuite;

TEST_P(QueueResults, applies_a_success_once) {
  const model::Task t = claimed("a");
  now += 10'000;
  auto r = success(t);
  r.outcome.queued_ms = 1'000;
  r.outcome.duration_ms = 5'000;
  EXPECT_EQ(complete(r), Verdict::kApplied);
  const model::Task done = get("a");
  EXPECT_EQ(done.state, kSucceeded);
  EXPECT_EQ(done.result, R"({"ok":true})");
  EXPECT_EQ(done.started_ms, t.claimed_ms + 1'000);
  EXPECT_EQ(done.finished_ms, t.claimed_ms + 6'000);
  EXPECT_EQ(complete(r), Verdict::kDuplicate);
  ASSERT_EQ(completions().size(), 1u);
  EXPECT_EQ(completions()[0].task.state, kSucceeded);
  EXPECT_EQ(completions()[0].task.result, R"({"ok":true})");
  const auto attempts = must(q().attempts("a"));
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0].outcome, "succeeded");
  EXPECT_EQ(attempts[0].finished_ms, done.finished_ms);
}

TEST_P(QueueResults, refuses_another_body_under_a_used_key) {  // Q7
  const model::Task t = claimed("a");
  auto r = success(t);
  complete(r);
  r.outcome.result = R"({"ok":false})";
  r.body_sha256 = sha256_hex(r.outcome.result);
  EXPECT_EQ(complete(r), Verdict::kKeyConflict);
  EXPECT_EQ(get("a").result, R"({"ok":true})");
  EXPECT_EQ(completions().size(), 1u);
}

TEST_P(QueueResults, records_impossible_results_as_orphans) {  // Q8, Q10
  const model::Task t = claimed("a");
  const auto orphan = [&](auto change) {
    model::Task other = t;
    change(other);
    const auto r = success(other);
    EXPECT_EQ(complete(r), Verdict::kOrphanRecorded);
    EXPECT_EQ(complete(r), Verdict::kDuplicate);
  };
  orphan([](model::Task& o) { o.id = "unknown"; });
  orphan([](model::Task& o) { o.attempt = 2; });
  orphan([](model::Task& o) { o.attempt = 0; });
  orphan([](model::Task& o) { o.lease_id = "feedbeef"; });
  orphan([](model::Task& o) { o.lease_id.clear(); });
  EXPECT_EQ(state_of("a"), kClaimed);
  EXPECT_TRUE(completions().empty());
  EXPECT_EQ(complete(success(t)), Verdict::kApplied);
}

TEST_P(QueueResults, refuses_the_result_of_another_worker) {
  const model::Task t = claimed("a");
  auto r = success(t);
  r.worker_id = "intruder";
  EXPECT_EQ(complete(r), Verdict::kWrongWorker);
  EXPECT_EQ(state_of("a"), kClaimed);
  r.worker_id = t.worker_id;
  EXPECT_EQ(complete(r), Verdict::kApplied);
}

TEST_P(QueueResults, applies_a_late_success_unless_claimed_again) {  // Q9
  const model::Task first = claimed("a");
  time_out(first);
  EXPECT_EQ(lose(first, false), LeaseVerdict::kHeld);
  EXPECT_EQ(state_of("a"), kWaiting);
  EXPECT_EQ(complete(success(first)), Verdict::kAppliedLate);
  EXPECT_EQ(state_of("a"), kSucceeded);
  now += 1'000'000;
  tick();
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(completions().size(), 1u);
  EXPECT_EQ(must(q().attempts("a")).at(0).outcome, "succeeded");
}

TEST_P(QueueResults, records_a_late_failure_and_keeps_the_retry) {
  const model::Task first = claimed("a");
  time_out(first);
  lose(first, false);
  EXPECT_EQ(complete(failure(first, 1'000)), Verdict::kSuperseded);
  EXPECT_EQ(state_of("a"), kWaiting);
  EXPECT_EQ(get("a").tries_used, 1);
}

TEST_P(QueueResults, lets_the_newer_attempt_win) {  // Q3
  const model::Task first = claimed("a");
  time_out(first);
  lose(first, false, 3, 0);
  tick();
  const model::Task second = claim_one(worker("w2"));
  EXPECT_EQ(second.attempt, 2);
  EXPECT_EQ(renew(first, true), LeaseVerdict::kLost);
  EXPECT_EQ(complete(success(first)), Verdict::kSuperseded);
  EXPECT_EQ(complete(success(first)), Verdict::kDuplicate);
  EXPECT_EQ(state_of("a"), kClaimed);
  EXPECT_EQ(complete(success(second)), Verdict::kApplied);
  EXPECT_EQ(completions().size(), 1u);
  EXPECT_EQ(must(q().attempts("a")).at(0).outcome, "lost");
}

TEST_P(QueueResults, takes_an_expired_but_unclaimed_lease_as_held) {
  const model::Task t = claimed("a");
  now = t.lease_expires_ms + 1;
  tick();
  EXPECT_EQ(state_of("a"), kSuspect);
  EXPECT_EQ(complete(success(t)), Verdict::kApplied);
}

TEST_P(QueueResults, retries_until_the_tries_are_used_up) {
  enqueue([] {
    model::Task task = new_task("a");
    task.spec.max_attempts = 3;
    return task;
  }());
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const model::Task t = claim_one();
    EXPECT_EQ(t.attempt, attempt);
    EXPECT_EQ(complete(failure(t, 5'000)), Verdict::kApplied);
    if (attempt == 3) break;
    EXPECT_EQ(get("a").spec.run_at_ms, now + 5'000);
    EXPECT_TRUE(claim().empty());
    now += 5'000;
    tick();
  }
  EXPECT_EQ(state_of("a"), kDead);
  EXPECT_EQ(get("a").error, R"({"code":"boom"})");
  EXPECT_EQ(completions().size(), 1u);
  EXPECT_EQ(must(q().attempts("a")).size(), 3u);
}

TEST_P(QueueResults, ignores_a_second_word_about_a_failed_attempt) {
  const model::Task t = claimed("a");
  complete(failure(t, 5'000));
  auto other = success(t);
  other.idempotency_key = "another key";
  EXPECT_EQ(complete(other), Verdict::kSuperseded);
  EXPECT_EQ(state_of("a"), kWaiting);
}

TEST_P(QueueResults, never_finishes_in_the_future_or_before_creation) {
  const model::Task t = claimed("a");
  now += 100;
  auto r = success(t);
  r.outcome.queued_ms = -5;
  r.outcome.duration_ms = std::numeric_limits<std::int64_t>::max();
  complete(r);
  EXPECT_EQ(get("a").started_ms, t.claimed_ms);
  EXPECT_EQ(get("a").finished_ms, now);
}

TEST_P(QueueResults, requires_an_idempotency_key) {
  auto r = success(claimed("a"));
  r.idempotency_key.clear();
  const auto refused = q().complete(now, {&r, 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
}

TEST_P(QueueResults, leaves_a_task_that_finished_before_it_was_given_up) {  // Q4
  for (int i = 0; i < 100; ++i) {
    const model::Task t = claimed("a" + std::to_string(i));
    time_out(t);
    const auto seen = must(q().overdue(now - kLostAfter, "", ""));
    ASSERT_EQ(seen.size(), 1u);
    complete(success(t));
    ASSERT_EQ(lose(seen[0], false), LeaseVerdict::kLost);
    ASSERT_EQ(state_of(t.id), kSucceeded);
  }
}

TEST_P(QueueResults, leaves_a_task_that_was_claimed_again_or_came_back) {  // Q5
  for (int i = 0; i < 50; ++i) {
    const model::Task t = claimed("a" + std::to_string(i));
    time_out(t);
    const auto seen = must(q().overdue(now - kLostAfter, "", ""));
    ASSERT_EQ(seen.size(), 1u);
    if (i % 2 == 0) {
      renew(t, true);
      ASSERT_EQ(lose(seen[0], false), LeaseVerdict::kLost);
      ASSERT_EQ(state_of(t.id), kExecuting);
      complete(success(t));
    } else {
      release(t);
      const model::Task fresh = claim_one();
      ASSERT_EQ(lose(seen[0], false), LeaseVerdict::kLost);
      ASSERT_EQ(lose(seen[0], true), LeaseVerdict::kLost);
      ASSERT_EQ(get(t.id).lease_id, fresh.lease_id);
      complete(success(fresh));
    }
  }
}

TEST_P(QueueResults, gives_nothing_up_that_is_not_overdue) {
  const model::Task t = claimed("a");
  EXPECT_EQ(lose(t, false), LeaseVerdict::kLost);
  now = t.lease_expires_ms + 1;
  tick();
  now += kLostAfter - 1;
  EXPECT_TRUE(must(q().overdue(now - kLostAfter, "", "")).empty());
  EXPECT_EQ(lose(t, false), LeaseVerdict::kLost);
  now += 2;
  EXPECT_EQ(lose(t, false), LeaseVerdict::kHeld);
}

TEST_P(QueueResults, names_what_a_restarted_worker_held) {
  const model::Task t = claimed("a");
  enqueue(new_task("b"));
  const model::Task other = claim_one(worker("w2"));
  EXPECT_TRUE(must(q().overdue(now - kLostAfter, "w1", t.incarnation)).empty());
  const auto held = must(q().overdue(now - kLostAfter, "w1", "w1-boot2"));
  EXPECT_EQ(ids(held), std::vector<std::string>{"a"});
  EXPECT_EQ(lose(held[0], true), LeaseVerdict::kHeld);
  EXPECT_EQ(get("a").crash_count, 1);
  EXPECT_EQ(get("b").lease_id, other.lease_id);
}

TEST_P(QueueResults, buries_a_task_that_kills_its_workers) {  // Q12
  enqueue(new_task("a"));
  for (int crash = 1; crash <= 3; ++crash) {
    const model::Task t = claim_one();
    EXPECT_EQ(lose(t, true, 3, 0), LeaseVerdict::kHeld);
    EXPECT_EQ(get("a").crash_count, crash);
    EXPECT_EQ(state_of("a"), crash < 3 ? kWaiting : kDead);
    tick();
  }
  ASSERT_EQ(completions().size(), 1u);
  EXPECT_EQ(completions()[0].task.crash_count, 3);
  EXPECT_EQ(get("a").error, R"({"code":"lost"})");
}

TEST_P(QueueResults, finds_one_overdue_among_many_that_run) {  // Q25
  std::vector<model::Task> tasks;
  for (int i = 0; i < 10'000; ++i) tasks.push_back(new_task("t" + std::to_string(i)));
  enqueue(tasks);
  ASSERT_EQ(must(q().claim(now, {worker(), 10'000, 10'000'000})).size(), 10'000u);
  const model::Task last = claimed("last");
  time_out(last);
  EXPECT_EQ(ids(must(q().overdue(now - kLostAfter, "", ""))), std::vector<std::string>{"last"});
}

TEST_P(QueueResults, cancels_what_has_not_ended_and_voids_its_lease) {
  const model::Task t = claimed("a");
  EXPECT_EQ(must(q().cancel(now, "a", R"({"code":"stop"})")), LeaseVerdict::kHeld);
  EXPECT_EQ(state_of("a"), kCancelled);
  EXPECT_EQ(get("a").error, R"({"code":"stop"})");
  EXPECT_EQ(renew(t, true), LeaseVerdict::kLost);
  EXPECT_EQ(complete(success(t)), Verdict::kSuperseded);
  EXPECT_EQ(state_of("a"), kCancelled);
  EXPECT_EQ(must(q().cancel(now, "a", "{}")), LeaseVerdict::kLost);
  EXPECT_EQ(must(q().cancel(now, "nobody", "{}")), LeaseVerdict::kUnknown);
  EXPECT_EQ(completions().size(), 1u);
}

TEST_P(QueueResults, keeps_each_completion_as_it_was) {
  const model::Task first = claimed("a");
  complete(failure(first));
  EXPECT_EQ(must(q().requeue(now, "a")), LeaseVerdict::kHeld);
  const model::Task fresh = get("a");
  EXPECT_EQ(fresh.state, kQueued);
  EXPECT_EQ(fresh.tries_used, 0);
  EXPECT_EQ(fresh.finished_ms, 0);
  EXPECT_EQ(fresh.error, "");
  ASSERT_EQ(completions().size(), 1u);
  EXPECT_EQ(completions()[0].task.state, kFailed);
  EXPECT_EQ(completions()[0].task.error, R"({"code":"boom"})");
  const model::Task second = claim_one();
  EXPECT_EQ(second.attempt, 2);
  complete(success(second));
  const auto all = completions();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_LT(all[0].sequence, all[1].sequence);
  EXPECT_EQ(all[0].task.state, kFailed);
  EXPECT_EQ(all[1].task.state, kSucceeded);
  ASSERT_EQ(completions(all[0].sequence).size(), 1u);
  EXPECT_EQ(completions(0, 1)[0].sequence, all[0].sequence);
}

TEST_P(QueueResults, requeues_a_held_task_away_from_its_worker) {  // Q20
  const model::Task t = claimed("a");
  EXPECT_EQ(must(q().requeue(now, "a")), LeaseVerdict::kHeld);
  EXPECT_EQ(renew(t, true), LeaseVerdict::kLost);
  EXPECT_EQ(complete(success(t)), Verdict::kSuperseded);
  EXPECT_EQ(state_of("a"), kQueued);
  EXPECT_EQ(must(q().attempts("a")).at(0).outcome, "superseded");
  EXPECT_EQ(must(q().requeue(now, "a")), LeaseVerdict::kLost);
  EXPECT_EQ(must(q().requeue(now, "nobody")), LeaseVerdict::kUnknown);
}

TEST_P(QueueResults, orders_completions_by_finishing) {
  std::vector<model::Task> held;
  for (int i = 0; i < 5; ++i) held.push_back(claimed("t" + std::to_string(i)));
  for (const int i : {3, 0, 4, 1, 2}) complete(success(held[static_cast<std::size_t>(i)]));
  std::vector<std::string> order;
  std::int64_t last = 0;
  for (const auto& c : completions()) {
    EXPECT_GT(c.sequence, last);
    last = c.sequence;
    order.push_back(c.task.id);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"t3", "t0", "t4", "t1", "t2"}));
}

TEST_P(QueueResults, are_forgotten_with_their_tasks_when_they_are_old) {
  constexpr std::int64_t kAll = 1'000'000;
  model::Task keyed = new_task("a");
  keyed.spec.idempotency_key = "k";
  enqueue(keyed);
  const auto old_result = success(claim_one());
  complete(old_result);
  complete(failure(claimed("again")));
  ASSERT_EQ(must(q().requeue(now, "again")), ports::LeaseVerdict::kHeld);
  const model::Task running = claim_one();
  now += 1'000;
  complete(success(claimed("b")));
  enqueue(new_task("waiting"));

  EXPECT_EQ(must(q().purge(now, 0, 100)), 2u) << "results only: no completion is applied yet";
  EXPECT_EQ(state_of("a"), kSucceeded);
  EXPECT_GT(must(q().purge(now, kAll, 1)), 0u);
  EXPECT_EQ(completions().size(), 2u) << "a batch of one";
  while (must(q().purge(now, kAll, 100)) > 0) {
  }
  EXPECT_TRUE(must(q().attempts("a")).empty());
  std::set<std::string> left;
  for (const auto& t : must(q().read({}))) left.insert(t.id);
  EXPECT_EQ(left, (std::set<std::string>{"again", "b", "waiting"}));
  EXPECT_EQ(must(q().attempts("again")).size(), 2u) << "it runs again, so it keeps its history";
  ASSERT_EQ(completions().size(), 1u);
  EXPECT_EQ(completions()[0].task.id, "b");
  EXPECT_EQ(complete(success(running)), Verdict::kApplied);
  EXPECT_EQ(complete(old_result), Verdict::kOrphanRecorded);
  EXPECT_EQ(enqueue(keyed).verdict, ports::EnqueueVerdict::kEnqueued) << "its key is free again";
  const auto last = completions();
  ASSERT_EQ(last.size(), 2u);
  EXPECT_GT(last[1].sequence, last[0].sequence) << "sequence numbers are never used twice";
}

TEST_P(QueueResults, keep_everything_over_a_restart) {
  if (!GetParam().durable) GTEST_SKIP() << "this queue lives in memory";
  const model::Task done = claimed("done");
  complete(success(done));
  const model::Task held = claimed("held");
  enqueue(new_task("ready"));
  reopen();
  EXPECT_EQ(state_of("done"), kSucceeded);
  EXPECT_EQ(complete(success(done)), Verdict::kDuplicate);
  EXPECT_EQ(renew(held, true), LeaseVerdict::kHeld);
  EXPECT_EQ(claim_one().id, "ready");
  ASSERT_EQ(completions().size(), 1u);
  complete(success(held));
  EXPECT_EQ(completions().back().task.id, "held");
}

INSTANTIATE_TEST_SUITE_P(Backends, QueueResults, testing::ValuesIn(queue_backends()), backend_name);

}  // namespace
}  // namespace skep::test
