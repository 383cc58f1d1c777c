// Who is woken by what: claims that wait for work, people who wait for a task's end. A test waits
// for nothing: a wake-up that does not come fails at once.
#include <algorithm>
#include <random>

#include "bundle.hpp"

namespace skep::test {
namespace {

class WakesTest : public ControlTest {
 protected:
  /// A request that waits, as the server holds it.
  struct Waiting {
    std::string method;
    std::string path;
    std::string body;
    std::map<std::string, std::string> query{};
    net::HttpResponse last{};
    int runs = 0;
    int woken = 0;
  };
  using Request = std::shared_ptr<Waiting>;

  /// Runs the handler, and parks the request when it has nothing to say.
  void run(const Request& w) {
    w->woken = 0;
    w->last = call(w->method, w->path, w->body, w->query, w->runs++);
    if (!w->last.wait) return;
    w->last.wait->list->add(w->last.wait->key, w->last.wait->ticket, [w] { ++w->woken; });
  }
  Request start(std::string method, std::string path, std::string body = {},
                std::map<std::string, std::string> query = {}) {
    auto w = std::make_shared<Waiting>(
        Waiting{std::move(method), std::move(path), std::move(body), std::move(query)});
    run(w);
    return w;
  }
  Request claim_of(const std::string& worker) {
    return start("POST", "/api/workers/" + worker + "/claim",
                 api::encode(api::ClaimRequest{"i1", 1, 30, {}}));
  }
  Request end_of(const std::string& task) {
    return start("GET", "/api/tasks/" + task, "", {{"wait", "30"}});
  }
  /// What a claim that has run got; "" while it waits.
  std::string task_of(const Request& w) {
    if (w->last.wait) return "";
    const auto reply = api::decode_claim_reply(w->last.body);
    EXPECT_TRUE(reply) << w->last.body;
    return reply && !reply->tasks.empty() ? reply->tasks[0].lease.task_id : "nothing";
  }
  void release(const std::string& worker, const model::ClaimedTask& task) {
    api("POST", "/api/workers/" + worker + "/release",
        api::encode(api::ReleaseRequest{"i1", {task.lease}}));
  }
  void enrol_at(const std::string& id, const std::string& site) {
    api::Registration r = registration(id);
    r.site = site;
    api("POST", "/api/workers/register", api::encode(r));
  }
};

TEST_F(WakesTest, a_task_wakes_the_claim_that_waits_longest_of_those_that_may_have_it) {
  enrol_at("far", "site-b");
  enrol("w1");
  enrol("w2");
  const auto far = claim_of("far");
  const auto first = claim_of("w1");
  const auto second = claim_of("w2");
  submit(R"({"type":"echo","site":"site-a"})");
  EXPECT_EQ(far->woken, 0);
  EXPECT_EQ(first->woken, 1);
  EXPECT_EQ(second->woken, 0);
}

TEST_F(WakesTest, each_of_an_array_wakes_one_claim) {
  constexpr int kWorkers = 40;
  std::vector<Request> claims;
  std::vector<std::string> tasks;
  for (int i = 0; i < kWorkers; ++i) {
    const std::string id = "w" + std::to_string(i);
    enrol(id);
    claims.push_back(claim_of(id));
    tasks.push_back(R"({"type":"echo","worker_id":")" + id + "\"}");
  }
  std::shuffle(tasks.begin(), tasks.end(), std::mt19937(1));
  std::string array;
  for (const std::string& task : tasks) array += (array.empty() ? "[" : ",") + task;
  EXPECT_EQ(call("POST", "/api/tasks", array + "]").status, 201);
  for (const Request& claim : claims) {
    EXPECT_EQ(claim->woken, 1);
    run(claim);
    EXPECT_NE(task_of(claim), "");
    EXPECT_NE(task_of(claim), "nothing");
  }
}

TEST_F(WakesTest, what_is_released_wakes_a_claim_that_may_have_it) {  // N9
  enrol_at("far", "site-b");
  enrol("w1");
  enrol("w2");
  submit(R"({"type":"echo","site":"site-a"})");
  const auto held = claim("w1", 1);
  const auto far = claim_of("far");
  const auto near = claim_of("w2");
  release("w1", held.at(0));
  EXPECT_EQ(far->woken, 0);
  EXPECT_EQ(near->woken, 1);
}

TEST_F(WakesTest, what_a_leaving_worker_never_saw_wakes_another) {  // N9
  enrol("w1");
  enrol("w2");
  submit();
  EXPECT_EQ(claim("w1", 1).size(), 1u);  // its reply is lost
  const auto other = claim_of("w2");
  api::Beat goodbye{"w1", "i1"};
  goodbye.draining = true;
  api("POST", "/api/workers/w1/heartbeat", api::encode(goodbye));
  EXPECT_EQ(other->woken, 1);
}

TEST_F(WakesTest, a_claim_that_takes_another_task_passes_its_wake_up_on) {  // N9
  enrol("w1");
  enrol("w2");
  const auto first = claim_of("w1");
  const auto second = claim_of("w2");
  const std::string any = submit();
  const std::string urgent = submit(R"({"type":"echo","worker_id":"w1","priority":9})");
  EXPECT_EQ(first->woken, 1);
  EXPECT_EQ(second->woken, 0);
  run(first);
  EXPECT_EQ(task_of(first), urgent);
  EXPECT_EQ(second->woken, 1);
  run(second);
  EXPECT_EQ(task_of(second), any);
}

TEST_F(WakesTest, a_claim_that_may_not_have_work_passes_its_wake_up_on) {  // N9
  enrol("w1");
  enrol("w2");
  const auto first = claim_of("w1");
  const auto second = claim_of("w2");
  submit();
  EXPECT_EQ(first->woken, 1);
  api("POST", "/api/workers/w1/pause");
  run(first);
  EXPECT_TRUE(first->last.wait);
  EXPECT_EQ(second->woken, 1);
}

TEST_F(WakesTest, a_client_that_left_passes_its_wake_up_on) {
  enrol("w1");
  enrol("w2");
  const auto first = claim_of("w1");
  const auto second = claim_of("w2");
  submit();
  ASSERT_TRUE(first->last.wait->abandoned);
  first->last.wait->abandoned();
  EXPECT_EQ(second->woken, 1);
}

TEST_F(WakesTest, a_claim_that_finds_nothing_wakes_nobody_else) {
  enrol("w1");
  enrol("w2");
  enrol("w3");
  const auto first = claim_of("w1");
  const auto second = claim_of("w2");
  submit();
  EXPECT_EQ(claim("w3", 1).size(), 1u);  // was quicker
  run(first);
  EXPECT_TRUE(first->last.wait);
  EXPECT_EQ(second->woken, 0);
  submit();
  EXPECT_EQ(first->woken + second->woken, 1);
}

TEST_F(WakesTest, a_task_that_comes_while_a_claim_looks_is_not_missed) {  // M6
  enrol("w1");
  queue.after_claim = [this] {
    queue.after_claim = nullptr;
    submit();
  };
  EXPECT_EQ(claim_of("w1")->woken, 1);
}

TEST_F(WakesTest, a_due_task_wakes_one_claim_that_may_have_it_and_nobody_who_waits_for_an_end) {
  enrol_at("far", "site-b");
  enrol("w1");
  enrol("w2");
  const auto end = end_of(submit(R"({"type":"echo","requires":["gpu"]})"));
  submit(R"({"type":"echo","site":"site-a","run_at":")" + to_iso(clock.wall_ms() + 100) + R"("})");
  const auto far = claim_of("far");
  const auto first = claim_of("w1");
  const auto second = claim_of("w2");
  ASSERT_TRUE(tasks().reaper.round());
  EXPECT_EQ(first->woken, 0);
  clock.advance(Millis{250});
  ASSERT_TRUE(tasks().reaper.round());
  EXPECT_EQ(first->woken, 1);
  EXPECT_EQ(second->woken + far->woken + end->woken, 0);
}

TEST_F(WakesTest, a_tick_that_fails_halfway_wakes_those_for_what_it_moved) {  // N9
  enrol("w1");
  submit(R"({"type":"echo","run_at":")" + to_iso(clock.wall_ms() + 100) + R"("})");
  const auto waiting = claim_of("w1");
  clock.advance(Millis{250});
  queue.tick_failure = unavailable("the disk is gone");
  EXPECT_FALSE(tasks().reaper.round());
  EXPECT_EQ(waiting->woken, 1);
}

TEST_F(WakesTest, when_more_is_due_than_is_looked_at_everybody_is_woken) {
  enrol("w1");
  enrol("w2");
  const std::string at = to_iso(clock.wall_ms() + 100);
  for (int i = 0; i < 1'000; ++i) submit(R"({"type":"echo","run_at":")" + at + R"("})");
  const auto first = claim_of("w1");
  const auto second = claim_of("w2");
  clock.advance(Millis{250});
  ASSERT_TRUE(tasks().reaper.round());
  EXPECT_EQ(first->woken, 1);
  EXPECT_EQ(second->woken, 1);
}

TEST_F(WakesTest, a_resumed_worker_is_woken) {  // M6
  enrol("w1");
  api("POST", "/api/workers/w1/pause");
  const auto waiting = claim_of("w1");
  const std::string id = submit();
  EXPECT_EQ(waiting->woken, 0);
  api("POST", "/api/workers/w1/resume");
  EXPECT_EQ(waiting->woken, 1);
  run(waiting);
  EXPECT_EQ(task_of(waiting), id);
}

TEST_F(WakesTest, a_worker_that_was_silent_is_woken_when_it_is_back) {  // M6
  enrol("w1");
  clock.advance(Millis{91'000});
  const auto waiting = claim_of("w1");
  const std::string id = submit();
  EXPECT_EQ(waiting->woken, 0);
  beat("w1");
  EXPECT_EQ(waiting->woken, 1);
  run(waiting);
  EXPECT_EQ(task_of(waiting), id);
}

TEST_F(WakesTest, a_result_wakes_who_waits_for_it) {  // M6
  enrol("w1");
  const std::string id = submit();
  const auto task = claim("w1").at(0);
  const auto mine = end_of(id);
  const auto other = end_of(submit());
  EXPECT_EQ(verdict_of(envelope(task.lease, "w1")), "applied");
  EXPECT_EQ(mine->woken, 1);
  EXPECT_EQ(other->woken, 0);
}

TEST_F(WakesTest, the_end_of_a_task_that_expired_wakes_who_waits_for_it) {
  const std::string id =
      submit(R"({"type":"echo","expires_at":")" + to_iso(clock.wall_ms() + 100) + R"("})");
  const auto mine = end_of(id);
  clock.advance(Millis{250});
  ASSERT_TRUE(tasks().reaper.round());
  ASSERT_TRUE(control.reconciler().step(10));
  EXPECT_EQ(mine->woken, 1);
}

TEST_F(WakesTest, a_new_version_of_a_type_lets_those_who_run_it_look_again) {
  enrol("w1");
  api::Registration other = registration("w2");
  other.types = {{"other", "", "1.0.0", "{}", 0}};
  api("POST", "/api/workers/register", api::encode(other));
  const auto runs_it = claim_of("w1");
  const auto runs_another = claim_of("w2");
  api::Registration r = registration("w3");
  r.types = {{"echo", "", "2.0.0", R"({"type":"object","properties":{"a":{}}})", 0}};
  api("POST", "/api/workers/register", api::encode(r));
  EXPECT_EQ(runs_it->woken, 1);
  EXPECT_EQ(runs_another->woken, 0);
  run(runs_it);
  submit(R"({"type":"echo","params":{"a":1}})");
  EXPECT_EQ(runs_it->woken, 1) << "both versions take it";
}

}  // namespace
}  // namespace skep::test
