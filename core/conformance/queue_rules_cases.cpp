// Enqueue, routing, order, delays, leases.
#include <algorithm>
#include <set>

#include "core/conformance/queue_bench.hpp"
#include "core/conformance/queue_cases.hpp"

namespace skep::conformance {
namespace {

using enum model::TaskState;
using ports::EnqueueVerdict;
using ports::LeaseVerdict;

SKEP_KIT_CASE(QueueBench, returns_a_task_as_it_was_given) {
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
  KIT_EQ(got.spec.params, task.spec.params);
  KIT_EQ(got.spec.site, "site-a");
  KIT_EQ(got.spec.target_worker, "w1");
  KIT_EQ(got.spec.requirements, task.spec.requirements);
  KIT_EQ(got.spec.priority, 7);
  KIT_EQ(got.spec.timeout_ms, 1'234);
  KIT_EQ(got.spec.max_attempts, 3);
  KIT_EQ(got.spec.expires_ms, task.spec.expires_ms);
  KIT_EQ(got.spec.idempotency_key, task.spec.idempotency_key);
  KIT_EQ(got.created_ms, now);
  KIT_EQ(got.state, kQueued);
  KIT_EQ(got.attempt, 0);
}

SKEP_KIT_CASE(QueueBench, keeps_the_first_task_of_an_idempotency_key) {
  model::Task first = new_task("a");
  first.spec.idempotency_key = "k";
  enqueue(first);
  model::Task again = first;
  again.id = "b";
  const auto exists = enqueue(again);
  KIT_EQ(exists.verdict, EnqueueVerdict::kExists);
  KIT_EQ(exists.id, "a");
  again.spec.params = R"({"other":1})";
  const auto conflict = enqueue(again);
  KIT_EQ(conflict.verdict, EnqueueVerdict::kConflict);
  KIT_EQ(conflict.id, "a");
  KIT_EQ(must(q().read({})).size(), 1u);
}

SKEP_KIT_CASE(QueueBench, refuses_another_task_of_the_same_id) {
  enqueue(new_task("a"));
  KIT_EQ(enqueue(new_task("a")).verdict, EnqueueVerdict::kExists);
  KIT_EQ(enqueue(new_task("a", "u")).verdict, EnqueueVerdict::kConflict);
  KIT_EQ(get("a").spec.type, "t");
}

SKEP_KIT_CASE(QueueBench, adds_none_of_a_batch_of_which_one_conflicts) {  // N7
  model::Task first = new_task("a");
  first.spec.idempotency_key = "k";
  enqueue(first);
  std::vector<model::Task> batch{new_task("b"), new_task("c", "u"), new_task("d")};
  batch[0].spec.idempotency_key = "new";
  batch[1].spec.idempotency_key = "k";
  const auto verdicts = must(q().enqueue(now, batch));
  KIT_EQ(verdicts.size(), 3u);
  KIT_EQ(verdicts[1].verdict, EnqueueVerdict::kConflict);
  KIT_EQ(verdicts[1].id, "a");
  KIT_EQ(ids(must(q().read({}))), std::vector<std::string>{"a"});
  batch.erase(batch.begin() + 1);
  enqueue(batch);
  KIT_EQ(ids(claim(10)), (std::vector<std::string>{"a", "b", "d"}));
}

SKEP_KIT_CASE(QueueBench, adds_none_of_a_batch_that_conflicts_with_itself) {
  std::vector<model::Task> batch{new_task("a"), new_task("b"), new_task("c", "u")};
  batch[1].spec.idempotency_key = batch[2].spec.idempotency_key = "k";
  KIT_EQ(must(q().enqueue(now, batch))[2].verdict, EnqueueVerdict::kConflict);
  KIT_TRUE(must(q().read({})).empty());
  KIT_TRUE(claim(10).empty());
}

SKEP_KIT_CASE(QueueBench, judges_repeats_inside_one_batch) {
  std::vector<model::Task> batch{new_task("a"), new_task("b"), new_task("c")};
  batch[0].spec.idempotency_key = batch[1].spec.idempotency_key = "k";
  const auto verdicts = must(q().enqueue(now, batch));
  KIT_EQ(verdicts[0].verdict, EnqueueVerdict::kEnqueued);
  KIT_EQ(verdicts[1].verdict, EnqueueVerdict::kExists);
  KIT_EQ(verdicts[2].verdict, EnqueueVerdict::kEnqueued);
}

SKEP_KIT_CASE(QueueBench, refuses_a_batch_with_a_bad_task_as_a_whole) {
  const auto refused = [&](auto change) {
    std::vector<model::Task> batch{new_task("good"), new_task("bad")};
    change(batch[1]);
    const auto r = q().enqueue(now, batch);
    return !r && r.error().code == Code::kInvalid && !r.error().message.empty();
  };
  KIT_TRUE(refused([](model::Task& t) { t.id = "../etc"; }));
  KIT_TRUE(refused([](model::Task& t) { t.id.clear(); }));
  KIT_TRUE(refused([](model::Task& t) { t.spec.type.clear(); }));
  KIT_TRUE(refused([](model::Task& t) { t.spec.priority = 10; }));
  KIT_TRUE(refused([](model::Task& t) { t.spec.max_attempts = 0; }));
  KIT_TRUE(must(q().read({})).empty());
}

SKEP_KIT_CASE(QueueBench, claims_by_priority_then_age_across_lanes) {
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
  KIT_EQ(got, ids(tasks));
}

SKEP_KIT_CASE(QueueBench, routes_by_type_site_worker_and_capabilities) {
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
      KIT_EQ(release(t), LeaseVerdict::kHeld);
    }
    return got;
  };
  using Ids = std::set<std::string>;
  model::WorkerProfile by = worker();
  KIT_EQ(offered(by), (Ids{"any"}));
  by.capabilities = {"gpu"};
  KIT_EQ(offered(by), (Ids{"any"}));
  by.capabilities = {"x", "docker"};
  KIT_EQ(offered(by), (Ids{"any", "docker"}));
  by.capabilities = {"gpu", "docker"};
  KIT_EQ(offered(by), (Ids{"any", "docker", "both"}));
  by.types = {"t", "u"};
  KIT_EQ(offered(by), (Ids{"any", "docker", "both", "type"}));
  by.site = "site-b";
  KIT_EQ(offered(by), (Ids{"any", "docker", "both", "type", "site"}));
  by.id = "w2";
  KIT_EQ(offered(by), (Ids{"any", "docker", "both", "type", "site", "worker"}));
  by.types.clear();
  KIT_EQ(offered(by), Ids{});
}

SKEP_KIT_CASE(QueueBench, leases_what_it_claims) {
  const model::Task t = claimed("a");
  KIT_EQ(t.state, kClaimed);
  KIT_EQ(t.attempt, 1);
  KIT_EQ(t.tries_used, 1);
  KIT_EQ(t.worker_id, "w1");
  KIT_EQ(t.incarnation, "w1-boot1");
  KIT_EQ(t.claimed_ms, now);
  KIT_EQ(t.lease_expires_ms, now + kLease);
  KIT_GE(t.lease_id.size(), 32u);
  KIT_EQ(get("a").lease_id, t.lease_id);
  KIT_TRUE(claim().empty());
}

SKEP_KIT_CASE(QueueBench, hands_out_delayed_tasks_only_when_due) {
  model::Task task = new_task("a");
  task.spec.run_at_ms = now + 5'000;
  enqueue(task);
  KIT_EQ(state_of("a"), kWaiting);
  KIT_EQ(tick(), task.spec.run_at_ms);
  now += 4'999;
  tick();
  KIT_TRUE(claim().empty());
  now += 1;
  KIT_EQ(tick(), 0);
  KIT_EQ(claim_one().id, "a");
}

SKEP_KIT_CASE(QueueBench, moves_more_due_tasks_than_one_transaction_takes) {
  std::vector<model::Task> tasks;
  for (int i = 0; i < 2'500; ++i) {
    tasks.push_back(new_task("t" + std::to_string(i)));
    tasks.back().spec.run_at_ms = now + 1;
  }
  enqueue(tasks);
  now += 1;
  KIT_EQ(tick(), 0);
  KIT_EQ(claim(3'000).size(), 2'500u);
}

SKEP_KIT_CASE(QueueBench, never_claims_an_expired_task) {
  model::Task task = new_task("a");
  task.spec.expires_ms = now + 1'000;
  enqueue(task);
  KIT_EQ(tick(), now + 1'000);
  now += 1'000;
  KIT_TRUE(claim().empty());
  KIT_EQ(tick(), 0);
  const model::Task ended = get("a");
  KIT_EQ(ended.state, kCancelled);
  KIT_TRUE(has(ended.error, "expired")) << ended.error;
  KIT_EQ(completions().size(), 1u);
}

SKEP_KIT_CASE(QueueBench, tells_when_the_next_tick_is_worth_it) {
  KIT_EQ(tick(), 0);
  const model::Task t = claimed("a");
  KIT_EQ(tick(), t.lease_expires_ms + 1);
  now = t.lease_expires_ms;
  tick();
  KIT_EQ(state_of("a"), kClaimed);
  now += 1;
  KIT_EQ(tick(), 0);
  KIT_EQ(state_of("a"), kSuspect);
}

SKEP_KIT_CASE(QueueBench, renews_only_for_the_holder) {
  model::Task t = claimed("a");
  now += 1'000;
  KIT_EQ(renew(t, true), LeaseVerdict::kHeld);
  KIT_EQ(get("a").lease_expires_ms, now + kLease);
  KIT_EQ(get("a").started_ms, now);
  now += 1'000;
  KIT_EQ(renew(t, true), LeaseVerdict::kHeld);
  KIT_EQ(get("a").started_ms, now - 1'000);
  const auto refused = [&](auto change) {
    model::Task other = t;
    change(other);
    return renew(other, true);
  };
  KIT_EQ(refused([](model::Task& o) { o.lease_id = "0123"; }), LeaseVerdict::kLost);
  KIT_EQ(refused([](model::Task& o) { o.lease_id.clear(); }), LeaseVerdict::kLost);
  KIT_EQ(refused([](model::Task& o) { ++o.attempt; }), LeaseVerdict::kLost);
  KIT_EQ(refused([](model::Task& o) { o.id = "nobody"; }), LeaseVerdict::kUnknown);
  complete(success(t));
  KIT_EQ(renew(t, true), LeaseVerdict::kLost);
}

SKEP_KIT_CASE(QueueBench, survives_ten_leases_with_heartbeats) {  // Q2
  const model::Task t = claimed("a");
  for (int beat = 0; beat < 30; ++beat) {
    now += kLease / 3;
    tick();
    KIT_EQ(renew(t, true), LeaseVerdict::kHeld);
    KIT_TRUE(must(q().overdue(now - kLostAfter, "", "")).empty());
  }
  KIT_EQ(get("a").attempt, 1);
}

SKEP_KIT_CASE(QueueBench, gives_the_same_tasks_to_a_repeated_claim) {
  enqueue({new_task("a"), new_task("b"), new_task("c"), new_task("d")});
  const auto first = must(q().claim(now, {worker(), 2, kLease, "claim-1"}));
  KIT_EQ(ids(first), (std::vector<std::string>{"a", "b"}));
  KIT_TRUE(first[0].lease_id.starts_with("claim-1.")) << first[0].lease_id;
  KIT_NE(first[0].lease_id, first[1].lease_id);
  now += 1'000;
  const auto again = must(q().claim(now, {worker(), 2, kLease, "claim-1", true}));
  KIT_EQ(ids(again), ids(first));
  for (std::size_t i = 0; i < 2; ++i) {
    KIT_EQ(again[i].lease_id, first[i].lease_id);
    KIT_EQ(again[i].attempt, 1);
    KIT_EQ(again[i].tries_used, 1);
    KIT_EQ(again[i].lease_expires_ms, now + kLease);
  }
  // After a long time without the control plane they are suspects, and still this worker's.
  now += kLease + 1;
  tick();
  KIT_EQ(ids(must(q().claim(now, {worker(), 2, kLease, "claim-1", true}))), ids(first));
  KIT_TRUE(must(q().overdue(now + kLease, "", "")).empty());
  complete(success(first[0]));
  KIT_EQ(state_of("a"), kSucceeded);
}

SKEP_KIT_CASE(QueueBench, repeats_a_claim_only_for_its_own_process_and_unstarted_tasks) {
  enqueue({new_task("a"), new_task("b"), new_task("c"), new_task("d"), new_task("e")});
  const auto first = must(q().claim(now, {worker(), 1, kLease, "claim-1"}));
  const auto repeat = [&](model::WorkerProfile by, const std::string& id) {
    const auto got = must(q().claim(now, {std::move(by), 1, kLease, id, true}));
    return got.empty() ? "" : got[0].id;
  };
  KIT_EQ(repeat(worker(), "claim"), "b");  // a prefix is another name
  auto restarted = worker();
  restarted.incarnation = "w1-boot2";
  KIT_EQ(repeat(restarted, "claim-1"), "c");
  KIT_EQ(repeat(worker("w2"), "claim-1"), "d");
  KIT_EQ(renew(first[0], true), LeaseVerdict::kHeld);
  KIT_EQ(repeat(worker(), "claim-1"), "e");  // "a" runs: its claim was seen
  KIT_EQ(repeat(worker(), "claim-9"), "");
}

SKEP_KIT_CASE(QueueBench, a_retry_keeps_its_delay_when_the_clock_is_set) {
  constexpr std::int64_t kTenDays = 864'000'000;
  for (const std::int64_t step : {-kTenDays, kTenDays}) {
    const At at(step < 0 ? "a clock that is set back" : "a clock that is set ahead");
    fresh_queue();
    tick();
    const model::Task t = claimed("a");
    model::Task later = new_task("later");
    later.spec.run_at_ms = now + 2 * kTenDays;
    enqueue(later);
    complete(failure(t, 10'000));
    set_clock(step);
    tick();
    KIT_EQ(get("a").spec.run_at_ms, now + 10'000);
    KIT_EQ(get("later").spec.run_at_ms, now - step + 2 * kTenDays) << "somebody named that instant";
    now += 10'000;
    tick();
    KIT_EQ(state_of("a"), kQueued);
  }
}

SKEP_KIT_CASE(QueueBench, gives_a_try_back_on_release) {
  const model::Task t = claimed("a", 1);
  KIT_EQ(release(t), LeaseVerdict::kHeld);
  KIT_EQ(get("a").tries_used, 0);
  KIT_EQ(release(t), LeaseVerdict::kLost);
  const model::Task again = claim_one();
  KIT_EQ(again.attempt, 2);
  KIT_NE(again.lease_id, t.lease_id);
  KIT_EQ(first_of(must(q().attempts("a"))).outcome, "released");
}

}  // namespace

Cases<ports::Queue> queue_rules_cases() {
  static constexpr KindCase<ports::Queue> kCases[] = {
      SKEP_KIT_ENTRY(returns_a_task_as_it_was_given),
      SKEP_KIT_ENTRY(keeps_the_first_task_of_an_idempotency_key),
      SKEP_KIT_ENTRY(refuses_another_task_of_the_same_id),
      SKEP_KIT_ENTRY(adds_none_of_a_batch_of_which_one_conflicts),
      SKEP_KIT_ENTRY(adds_none_of_a_batch_that_conflicts_with_itself),
      SKEP_KIT_ENTRY(judges_repeats_inside_one_batch),
      SKEP_KIT_ENTRY(refuses_a_batch_with_a_bad_task_as_a_whole),
      SKEP_KIT_ENTRY(claims_by_priority_then_age_across_lanes),
      SKEP_KIT_ENTRY(routes_by_type_site_worker_and_capabilities),
      SKEP_KIT_ENTRY(leases_what_it_claims),
      SKEP_KIT_ENTRY(hands_out_delayed_tasks_only_when_due),
      SKEP_KIT_ENTRY(moves_more_due_tasks_than_one_transaction_takes),
      SKEP_KIT_ENTRY(never_claims_an_expired_task),
      SKEP_KIT_ENTRY(tells_when_the_next_tick_is_worth_it),
      SKEP_KIT_ENTRY(renews_only_for_the_holder),
      SKEP_KIT_ENTRY(survives_ten_leases_with_heartbeats),
      SKEP_KIT_ENTRY(gives_the_same_tasks_to_a_repeated_claim),
      SKEP_KIT_ENTRY(repeats_a_claim_only_for_its_own_process_and_unstarted_tasks),
      SKEP_KIT_ENTRY(a_retry_keeps_its_delay_when_the_clock_is_set),
      SKEP_KIT_ENTRY(gives_a_try_back_on_release)};
  return kCases;
}

}  // namespace skep::conformance
