// Enqueue, routing, order, delays, leases.
#include <algorithm>
#include <future>
#include <set>

#include "tests/conformance/queue_suite.hpp"

namespace skep::test {
namespace {

using enum model::TaskState;
using ports::EnqueueVerdict;
using ports::LeaseVerdict;
using QueueRules = QueueSuite;

TEST_P(QueueRules, returns_a_task_as_it_was_given) {
  model::Task task = new_task("a");
  task.spec.params = R"({"text":"it's \"quoted\" \u00e9"})";
  task.spec.site = "site-a";
  task.spec.target_worker = "w1";
  task.spec.requirements = {"docker", "gpu"};
  task.spec.priority = 7;
  task.spec.timeout_ms = 1'234;
  task.spec.max_attempts = 3;
  task.spec.expires_ms = now + 1'000'000;
  task.spec.idempotency_key = "key '; DROP TABLE worker_tasks; --";
  enqueue(task);
  const model::Task got = get("a");
  EXPECT_EQ(got.spec.params, task.spec.params);
  EXPECT_EQ(got.spec.site, "site-a");
  EXPECT_EQ(got.spec.target_worker, "w1");
  EXPECT_EQ(got.spec.requirements, task.spec.requirements);
  EXPECT_EQ(got.spec.priority, 7);
  EXPECT_EQ(got.spec.timeout_ms, 1'234);
  EXPECT_EQ(got.spec.max_attempts, 3);
  EXPECT_EQ(got.spec.expires_ms, task.spec.expires_ms);
  EXPECT_EQ(got.spec.idempotency_key, task.spec.idempotency_key);
  EXPECT_EQ(got.created_ms, now);
  EXPECT_EQ(got.state, kQueued);
  EXPECT_EQ(got.attempt, 0);
}

TEST_P(QueueRules, keeps_the_first_task_of_an_idempotency_key) {
  model::Task first = new_task("a");
  first.spec.idempotency_key = "k";
  enqueue(first);
  model::Task again = first;
  again.id = "b";
  const auto exists = enqueue(again);
  EXPECT_EQ(exists.verdict, EnqueueVerdict::kExists);
  EXPECT_EQ(exists.id, "a");
  again.spec.params = R"({"other":1})";
  const auto conflict = enqueue(again);
  EXPECT_EQ(conflict.verdict, EnqueueVerdict::kConflict);
  EXPECT_EQ(conflict.id, "a");
  EXPECT_EQ(must(q().read({})).size(), 1u);
}

TEST_P(QueueRules, refuses_another_task_of_the_same_id) {
  enqueue(new_task("a"));
  EXPECT_EQ(enqueue(new_task("a")).verdict, EnqueueVerdict::kExists);
  EXPECT_EQ(enqueue(new_task("a", "u")).verdict, EnqueueVerdict::kConflict);
  EXPECT_EQ(get("a").spec.type, "t");
}

TEST_P(QueueRules, adds_none_of_a_batch_of_which_one_conflicts) {  // N7
  model::Task first = new_task("a");
  first.spec.idempotency_key = "k";
  enqueue(first);
  std::vector<model::Task> batch{new_task("b"), new_task("c", "u"), new_task("d")};
  batch[0].spec.idempotency_key = "new";
  batch[1].spec.idempotency_key = "k";
  const auto verdicts = must(q().enqueue(now, batch));
  ASSERT_EQ(verdicts.size(), 3u);
  EXPECT_EQ(verdicts[1].verdict, EnqueueVerdict::kConflict);
  EXPECT_EQ(verdicts[1].id, "a");
  EXPECT_EQ(ids(must(q().read({}))), std::vector<std::string>{"a"});
  batch.erase(batch.begin() + 1);
  enqueue(batch);
  EXPECT_EQ(ids(claim(10)), (std::vector<std::string>{"a", "b", "d"}));
}

TEST_P(QueueRules, adds_none_of_a_batch_that_conflicts_with_itself) {
  std::vector<model::Task> batch{new_task("a"), new_task("b"), new_task("c", "u")};
  batch[1].spec.idempotency_key = batch[2].spec.idempotency_key = "k";
  EXPECT_EQ(must(q().enqueue(now, batch))[2].verdict, EnqueueVerdict::kConflict);
  EXPECT_TRUE(must(q().read({})).empty());
  EXPECT_TRUE(claim(10).empty());
}

TEST_P(QueueRules, judges_repeats_inside_one_batch) {
  std::vector<model::Task> batch{new_task("a"), new_task("b"), new_task("c")};
  batch[0].spec.idempotency_key = batch[1].spec.idempotency_key = "k";
  const auto verdicts = must(q().enqueue(now, batch));
  EXPECT_EQ(verdicts[0].verdict, EnqueueVerdict::kEnqueued);
  EXPECT_EQ(verdicts[1].verdict, EnqueueVerdict::kExists);
  EXPECT_EQ(verdicts[2].verdict, EnqueueVerdict::kEnqueued);
}

TEST_P(QueueRules, refuses_a_batch_with_a_bad_task_as_a_whole) {
  const auto refused = [&](auto change) {
    std::vector<model::Task> batch{new_task("good"), new_task("bad")};
    change(batch[1]);
    const auto r = q().enqueue(now, batch);
    return !r && r.error().code == Code::kInvalid && !r.error().message.empty();
  };
  EXPECT_TRUE(refused([](model::Task& t) { t.id = "../etc"; }));
  EXPECT_TRUE(refused([](model::Task& t) { t.id.clear(); }));
  EXPECT_TRUE(refused([](model::Task& t) { t.spec.type.clear(); }));
  EXPECT_TRUE(refused([](model::Task& t) { t.spec.priority = 10; }));
  EXPECT_TRUE(refused([](model::Task& t) { t.spec.max_attempts = 0; }));
  EXPECT_TRUE(must(q().read({})).empty());
}

TEST_P(QueueRules, claims_by_priority_then_age_across_lanes) {
  std::vector<model::Task> tasks;
  for (int i = 0; i < 20; ++i) {
    model::Task task = new_task("t" + std::to_string(i));
    task.spec.priority = i % 3 + 4;
    task.spec.site = i % 2 == 0 ? "" : "site-a";
    tasks.push_back(task);
  }
  enqueue(tasks);
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const auto& a, const auto& b) { return a.spec.priority > b.spec.priority; });
  const auto first = claim(7);
  const auto rest = claim(100);
  std::vector<std::string> got = ids(first);
  for (const auto& id : ids(rest)) got.push_back(id);
  EXPECT_EQ(got, ids(tasks));
}

TEST_P(QueueRules, routes_by_type_site_worker_and_capabilities) {
  const auto add = [&](const std::string& id, auto change) {
    model::Task task = new_task(id);
    change(task.spec);
    enqueue(task);
  };
  add("any", [](model::TaskSpec&) {});
  add("type", [](model::TaskSpec& s) { s.type = "u"; });
  add("site", [](model::TaskSpec& s) { s.site = "site-b"; });
  add("worker", [](model::TaskSpec& s) { s.target_worker = "w2"; });
  add("docker", [](model::TaskSpec& s) { s.requirements = {"docker"}; });
  add("both", [](model::TaskSpec& s) { s.requirements = {"docker", "gpu"}; });
  const auto offered = [&](const model::WorkerProfile& by) {
    std::set<std::string> got;
    for (const auto& t : claim(100, by)) {
      got.insert(t.id);
      EXPECT_EQ(release(t), LeaseVerdict::kHeld);
    }
    return got;
  };
  using Ids = std::set<std::string>;
  model::WorkerProfile by = worker();
  EXPECT_EQ(offered(by), (Ids{"any"}));
  by.capabilities = {"gpu"};
  EXPECT_EQ(offered(by), (Ids{"any"}));
  by.capabilities = {"x", "docker"};
  EXPECT_EQ(offered(by), (Ids{"any", "docker"}));
  by.capabilities = {"gpu", "docker"};
  EXPECT_EQ(offered(by), (Ids{"any", "docker", "both"}));
  by.types = {"t", "u"};
  EXPECT_EQ(offered(by), (Ids{"any", "docker", "both", "type"}));
  by.site = "site-b";
  EXPECT_EQ(offered(by), (Ids{"any", "docker", "both", "type", "site"}));
  by.id = "w2";
  EXPECT_EQ(offered(by), (Ids{"any", "docker", "both", "type", "site", "worker"}));
  by.types.clear();
  EXPECT_EQ(offered(by), Ids{});
}

TEST_P(QueueRules, leases_what_it_claims) {
  const model::Task t = claimed("a");
  EXPECT_EQ(t.state, kClaimed);
  EXPECT_EQ(t.attempt, 1);
  EXPECT_EQ(t.tries_used, 1);
  EXPECT_EQ(t.worker_id, "w1");
  EXPECT_EQ(t.incarnation, "w1-boot1");
  EXPECT_EQ(t.claimed_ms, now);
  EXPECT_EQ(t.lease_expires_ms, now + kLease);
  EXPECT_GE(t.lease_id.size(), 32u);
  EXPECT_EQ(get("a").lease_id, t.lease_id);
  EXPECT_TRUE(claim().empty());
}

TEST_P(QueueRules, hands_out_delayed_tasks_only_when_due) {
  model::Task task = new_task("a");
  task.spec.run_at_ms = now + 5'000;
  enqueue(task);
  EXPECT_EQ(state_of("a"), kWaiting);
  EXPECT_EQ(tick(), task.spec.run_at_ms);
  now += 4'999;
  tick();
  EXPECT_TRUE(claim().empty());
  now += 1;
  EXPECT_EQ(tick(), 0);
  EXPECT_EQ(claim_one().id, "a");
}

TEST_P(QueueRules, moves_more_due_tasks_than_one_transaction_takes) {
  std::vector<model::Task> tasks;
  for (int i = 0; i < 2'500; ++i) {
    tasks.push_back(new_task("t" + std::to_string(i)));
    tasks.back().spec.run_at_ms = now + 1;
  }
  enqueue(tasks);
  now += 1;
  EXPECT_EQ(tick(), 0);
  EXPECT_EQ(claim(3'000).size(), 2'500u);
}

TEST_P(QueueRules, never_claims_an_expired_task) {
  model::Task task = new_task("a");
  task.spec.expires_ms = now + 1'000;
  enqueue(task);
  EXPECT_EQ(tick(), now + 1'000);
  now += 1'000;
  EXPECT_TRUE(claim().empty());
  EXPECT_EQ(tick(), 0);
  const model::Task ended = get("a");
  EXPECT_EQ(ended.state, kCancelled);
  EXPECT_NE(ended.error.find("expired"), std::string::npos);
  ASSERT_EQ(completions().size(), 1u);
}

TEST_P(QueueRules, tells_when_the_next_tick_is_worth_it) {
  EXPECT_EQ(tick(), 0);
  const model::Task t = claimed("a");
  EXPECT_EQ(tick(), t.lease_expires_ms + 1);
  now = t.lease_expires_ms;
  tick();
  EXPECT_EQ(state_of("a"), kClaimed);
  now += 1;
  EXPECT_EQ(tick(), 0);
  EXPECT_EQ(state_of("a"), kSuspect);
}

TEST_P(QueueRules, renews_only_for_the_holder) {
  model::Task t = claimed("a");
  now += 1'000;
  EXPECT_EQ(renew(t, true), LeaseVerdict::kHeld);
  EXPECT_EQ(get("a").lease_expires_ms, now + kLease);
  EXPECT_EQ(get("a").started_ms, now);
  now += 1'000;
  EXPECT_EQ(renew(t, true), LeaseVerdict::kHeld);
  EXPECT_EQ(get("a").started_ms, now - 1'000);
  const auto refused = [&](auto change) {
    model::Task other = t;
    change(other);
    return renew(other, true);
  };
  EXPECT_EQ(refused([](model::Task& o) { o.lease_id = "0123"; }), LeaseVerdict::kLost);
  EXPECT_EQ(refused([](model::Task& o) { o.lease_id.clear(); }), LeaseVerdict::kLost);
  EXPECT_EQ(refused([](model::Task& o) { ++o.attempt; }), LeaseVerdict::kLost);
  EXPECT_EQ(refused([](model::Task& o) { o.id = "nobody"; }), LeaseVerdict::kUnknown);
  complete(success(t));
  EXPECT_EQ(renew(t, true), LeaseVerdict::kLost);
}

TEST_P(QueueRules, survives_ten_leases_with_heartbeats) {  // Q2
  const model::Task t = claimed("a");
  for (int beat = 0; beat < 30; ++beat) {
    now += kLease / 3;
    tick();
    ASSERT_EQ(renew(t, true), LeaseVerdict::kHeld);
    ASSERT_TRUE(must(q().overdue(now - kLostAfter, "", "")).empty());
  }
  EXPECT_EQ(get("a").attempt, 1);
}

TEST_P(QueueRules, gives_the_same_tasks_to_a_repeated_claim) {
  enqueue({new_task("a"), new_task("b"), new_task("c"), new_task("d")});
  const auto first = must(q().claim(now, {worker(), 2, kLease, "claim-1"}));
  ASSERT_EQ(ids(first), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(first[0].lease_id.starts_with("claim-1.")) << first[0].lease_id;
  EXPECT_NE(first[0].lease_id, first[1].lease_id);
  now += 1'000;
  const auto again = must(q().claim(now, {worker(), 2, kLease, "claim-1", true}));
  ASSERT_EQ(ids(again), ids(first));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(again[i].lease_id, first[i].lease_id);
    EXPECT_EQ(again[i].attempt, 1);
    EXPECT_EQ(again[i].tries_used, 1);
    EXPECT_EQ(again[i].lease_expires_ms, now + kLease);
  }
  // After a long time without the control plane they are suspects, and still this worker's.
  now += kLease + 1;
  tick();
  EXPECT_EQ(ids(must(q().claim(now, {worker(), 2, kLease, "claim-1", true}))), ids(first));
  EXPECT_TRUE(must(q().overdue(now + kLease, "", "")).empty());
  complete(success(first[0]));
  EXPECT_EQ(state_of("a"), kSucceeded);
}

TEST_P(QueueRules, repeats_a_claim_only_for_its_own_process_and_unstarted_tasks) {
  enqueue({new_task("a"), new_task("b"), new_task("c"), new_task("d"), new_task("e")});
  const auto first = must(q().claim(now, {worker(), 1, kLease, "claim-1"}));
  const auto repeat = [&](model::WorkerProfile by, const std::string& id) {
    const auto got = must(q().claim(now, {std::move(by), 1, kLease, id, true}));
    return got.empty() ? "" : got[0].id;
  };
  EXPECT_EQ(repeat(worker(), "claim"), "b");  // a prefix is another name
  auto restarted = worker();
  restarted.incarnation = "w1-boot2";
  EXPECT_EQ(repeat(restarted, "claim-1"), "c");
  EXPECT_EQ(repeat(worker("w2"), "claim-1"), "d");
  EXPECT_EQ(renew(first[0], true), LeaseVerdict::kHeld);
  EXPECT_EQ(repeat(worker(), "claim-1"), "e");  // "a" runs: its claim was seen
  EXPECT_EQ(repeat(worker(), "claim-9"), "");
}

TEST_P(QueueRules, a_retry_keeps_its_delay_when_the_clock_is_set_back) {
  tick();
  const model::Task t = claimed("a");
  model::Task later = new_task("later");
  later.spec.run_at_ms = now + 20'000;
  enqueue(later);
  complete(failure(t, 10'000));
  now -= 864'000'000;
  tick();
  EXPECT_EQ(get("a").spec.run_at_ms, now + 10'000);
  EXPECT_EQ(get("later").spec.run_at_ms, now + 864'020'000) << "somebody named that instant";
  now += 10'000;
  tick();
  EXPECT_EQ(state_of("a"), kQueued);
}

TEST_P(QueueRules, gives_a_try_back_on_release) {
  const model::Task t = claimed("a", 1);
  EXPECT_EQ(release(t), LeaseVerdict::kHeld);
  EXPECT_EQ(get("a").tries_used, 0);
  EXPECT_EQ(release(t), LeaseVerdict::kLost);
  const model::Task again = claim_one();
  EXPECT_EQ(again.attempt, 2);
  EXPECT_NE(again.lease_id, t.lease_id);
  EXPECT_EQ(must(q().attempts("a")).at(0).outcome, "released");
}

TEST_P(QueueRules, wakes_a_waiter_when_work_comes_or_ends) {
  std::uint64_t token = must(q().wait(Millis(0), 0));
  EXPECT_EQ(must(q().wait(Millis(1), token)), token);
  const auto wakes = [&](auto cause) {
    auto waiter =
        std::async(std::launch::async, [&] { return must(q().wait(Millis(600'000), token)); });
    cause();
    ASSERT_EQ(waiter.wait_for(std::chrono::seconds(120)), std::future_status::ready);
    const std::uint64_t next = waiter.get();
    EXPECT_NE(next, token);
    token = next;
  };
  wakes([&] { enqueue(new_task("a")); });
  const model::Task t = claim_one();
  token = must(q().wait(Millis(0), 0));
  wakes([&] { complete(success(t)); });
}

INSTANTIATE_TEST_SUITE_P(Backends, QueueRules, testing::ValuesIn(queue_backends()), backend_name);

}  // namespace
}  // namespace skep::test
