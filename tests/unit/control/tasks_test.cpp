#include <fmt/format.h>

#include "core/conformance/memory_queue.hpp"
#include "core/control/tasks/task_lookup.hpp"
#include "tests/unit/control/bundle.hpp"

namespace skep::test {
namespace {

TEST_F(ControlTest, an_empty_or_double_site_is_no_site) {
  for (const char* body : {R"({"type":"echo","site":""})", R"({"type":"echo","worker_id":""})",
                           R"({"type":"echo","site":"a","site_name":"b"})"})
    EXPECT_EQ(call("POST", "/api/tasks", body).status, 400) << body;
  const auto same = api("POST", "/api/tasks", R"({"type":"echo","site":"a","site_name":"a"})", 201);
  EXPECT_EQ(get_string(same, "site"), "a");
}

TEST_F(ControlTest, a_task_for_later_is_scheduled) {
  const auto task =
      api("POST", "/api/tasks", R"({"type":"echo","run_at":"2099-01-01T00:00:00Z"})", 201);
  EXPECT_EQ(get_string(task, "status"), "queued");
  EXPECT_EQ(get_string(task, "state"), "scheduled");
}

TEST_F(ControlTest, the_instant_that_stands_for_none_is_refused) {  // B11
  for (const char* key : {"expires_at", "run_at"})
    for (const char* at : {"1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z"}) {
      const std::string body = R"({"type":"echo",")" + std::string(key) + "\":\"" + at + "\"}";
      const auto refused = api("POST", "/api/tasks", body, 400);
      EXPECT_NE(get_string(refused, "detail").find(key), std::string::npos) << body;
    }
  EXPECT_EQ(
      call("POST", "/api/tasks", R"({"type":"echo","expires_at":"1970-01-02T00:00:00Z"})").status,
      400);
  EXPECT_EQ(api("POST", "/api/tasks", R"({"type":"echo","expires_at":null})", 201).at("expires_at"),
            nullptr);
}

TEST_F(ControlTest, a_wait_is_a_number_of_seconds) {  // N15
  const std::string path = "/api/tasks/" + submit();
  for (const char* wrong : {"nan", "inf", "-1", "61", "1e999", "", "x"})
    for (const std::string& of : {path, path + "/logs"})
      EXPECT_EQ(get_string(api("GET", of, "", 400, {{"wait", wrong}}), "code"), "bad-query")
          << of << "?wait=" << wrong;
  EXPECT_EQ(call("GET", path, "", {{"wait", "0"}}).status, 200);
}

TEST_F(ControlTest, a_task_for_this_instant_is_not_scheduled) {
  enrol("w1");
  const auto task = api("POST", "/api/tasks",
                        R"({"type":"echo","run_at":")" + to_iso(clock.wall_ms()) + "\"}", 201);
  EXPECT_NE(get_string(task, "state"), "scheduled");
  EXPECT_EQ(claim("w1").size(), 1u) << "before anything looks for what is due";
}

TEST_F(ControlTest, lists_end_a_page_by_weight_too) {
  const std::string heavy =
      R"({"type":"echo","params":{"text":")" + std::string(3 << 20, 'x') + "\"}}";
  for (int i = 0; i < 3; ++i) submit(heavy);
  std::map<std::string, std::string> query{{"limit", "50"}};
  std::set<std::string> seen;
  int pages = 0;
  for (bool more = true; more; ++pages) {
    const auto page = api("GET", "/api/tasks", "", 200, query);
    EXPECT_LE(page.at("items").as_array().size(), 2u);
    for (const auto& t : page.at("items").as_array()) seen.insert(get_string(t.as_object(), "id"));
    more = !page.at("next_cursor").is_null();
    if (more) query["cursor"] = get_string(page, "next_cursor");
  }
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(pages, 2);
}

TEST_F(ControlTest, submit_fills_in_the_types_timeout_and_leaves_defaults_to_who_runs_it) {
  const auto task =
      api("POST", "/api/tasks", R"({"type":"script","params":{"script":"true"}})", 201);
  EXPECT_EQ(to_text(task.at("params")), R"({"script":"true"})");
  EXPECT_EQ(get_double(task, "timeout_seconds"), 60);
  EXPECT_EQ(get_string(task, "status"), "queued");
  EXPECT_EQ(get_int(task, "max_attempts"), 5);
}

TEST_F(ControlTest, submit_names_what_is_wrong_and_the_nearest) {
  const auto code = [this](const std::string& body, const std::string& word) {
    const auto problem = api("POST", "/api/tasks", body, 400);
    EXPECT_NE(to_text(problem).find(word), std::string::npos) << to_text(problem);
    return get_string(problem, "code");
  };
  EXPECT_EQ(code(R"({"type":"scrip"})", "script"), "unknown-task-type");
  EXPECT_EQ(code(R"({"type":"scrip"})", "skep script list, skep plugin list"), "unknown-task-type");
  EXPECT_EQ(code(R"({"type":"script","params":{"scrip":"x"}})", "/scrip"), "schema");
  EXPECT_EQ(code(R"({"type":"echo","param":{}})", "params"), "unknown-field");
  EXPECT_EQ(code(R"({"type":"echo","priority":"urgent"})", "critical"), "invalid");
  EXPECT_EQ(code(R"({"type":"echo","priority":"hihg"})", "did you mean \\\"high\\\"?"), "invalid");
  EXPECT_EQ(code(R"({"type":"echo","site":"../x"})", "site"), "invalid");
  EXPECT_EQ(code(R"({"type":"echo","timeout_seconds":-1})", "timeout_seconds"), "invalid");
  EXPECT_EQ(code(R"({"type":"echo","run_at":"tomorrow"})", "run_at"), "invalid");
  EXPECT_EQ(code("", "empty").empty(), false);
}

TEST_F(ControlTest, an_array_is_all_or_nothing) {
  api("POST", "/api/tasks", R"([{"type":"echo"},{"type":"nope"}])", 400);
  EXPECT_TRUE(api("GET", "/api/tasks").at("items").as_array().empty());
  const auto answer = api("POST", "/api/tasks", R"([{"type":"echo"},{"type":"echo"}])", 201);
  EXPECT_EQ(answer.at("items").as_array().size(), 2u);
}

TEST_F(ControlTest, the_same_key_is_the_same_task) {
  const std::string body = R"({"type":"echo","idempotency_key":"k"})";
  const std::string first = submit(body);
  EXPECT_EQ(get_string(api("POST", "/api/tasks", body, 200), "id"), first);
  const auto other =
      api("POST", "/api/tasks", R"({"type":"echo","params":{"a":1},"idempotency_key":"k"})", 409);
  EXPECT_EQ(get_string(other, "code"), "idempotency-conflict");
}

TEST_F(ControlTest, the_same_key_and_value_are_the_same_task_however_they_are_written) {
  const std::string first =
      submit(R"({"type":"echo","params":{"a":1,"b":{"c":[1,2],"d":null}},"idempotency_key":"k"})");
  const std::string again =
      R"({"type":"echo","params":{"b":{"d":null,"c":[1.0,2]},"a":1.0},"idempotency_key":"k"})";
  EXPECT_EQ(get_string(api("POST", "/api/tasks", again, 200), "id"), first);
  api("POST", "/api/tasks",
      R"({"type":"echo","params":{"a":1,"b":{"c":[2,1],"d":null}},"idempotency_key":"k"})", 409);
  const auto both = api("POST", "/api/tasks",
                        R"([{"type":"echo","params":{"x":1,"y":2},"idempotency_key":"twice"},)"
                        R"({"type":"echo","params":{"y":2.0,"x":1},"idempotency_key":"twice"}])",
                        201);
  const auto& items = both.at("items").as_array();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(get_string(items.at(0).as_object(), "id"), get_string(items.at(1).as_object(), "id"));
}

TEST_F(ControlTest, an_array_of_which_a_key_conflicts_leaves_nothing) {  // N7
  submit(R"({"type":"echo","idempotency_key":"k"})");
  const auto refused = api("POST", "/api/tasks",
                           R"([{"type":"echo"},)"
                           R"({"type":"echo","params":{"a":1},"idempotency_key":"k"},)"
                           R"({"type":"echo"}])",
                           409);
  EXPECT_EQ(get_string(refused, "code"), "idempotency-conflict");
  EXPECT_EQ(api("GET", "/api/tasks").at("items").as_array().size(), 1u);
}

TEST_F(ControlTest, a_conflict_names_no_task_that_was_undone) {
  const std::string first = R"({"type":"echo","idempotency_key":"k"})";
  const std::string other = R"({"type":"echo","params":{"a":1},"idempotency_key":"k"})";
  for (const std::string& tasks : {first + "," + other, first + "," + first + "," + other}) {
    const auto refused = api("POST", "/api/tasks", "[" + tasks + "]", 409);
    EXPECT_EQ(get_string(refused, "code"), "idempotency-conflict");
    EXPECT_NE(get_string(refused, "detail").find("stands twice in this request"),
              std::string::npos);
    EXPECT_FALSE(refused.contains("next")) << "no task to look at";
  }
  EXPECT_TRUE(api("GET", "/api/tasks").at("items").as_array().empty());
}

TEST_F(ControlTest, lists_page_by_cursor_newest_first) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(submit());
  std::vector<std::string> seen;
  std::string cursor;
  do {
    std::map<std::string, std::string> query{{"limit", "2"}};
    if (!cursor.empty()) query["cursor"] = cursor;
    const auto page = api("GET", "/api/tasks", "", 200, query);
    for (const auto& item : page.at("items").as_array())
      seen.push_back(get_string(item.as_object(), "id"));
    cursor = get_string(page, "next_cursor");
  } while (!cursor.empty());
  EXPECT_EQ(seen, std::vector<std::string>(ids.rbegin(), ids.rend()));
}

TEST_F(ControlTest, lists_find_tasks_by_the_beginning_of_their_id) {  // O13
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(submit());
  const auto found = [this](const std::string& beginning) {
    const auto page = api("GET", "/api/tasks", "", 200, {{"id", beginning}});
    std::vector<std::string> out;
    for (const auto& item : page.at("items").as_array())
      out.push_back(get_string(item.as_object(), "id"));
    return out;
  };
  for (const std::string& id : ids) {
    EXPECT_EQ(found(id), std::vector<std::string>{id});
    EXPECT_EQ(found(id.substr(0, 30)), std::vector<std::string>{id});
  }
  const std::string time = ids.front().substr(0, 4);
  EXPECT_EQ(found(time), std::vector<std::string>(ids.rbegin(), ids.rend()));
  EXPECT_EQ(api("GET", "/api/tasks", "", 200, {{"id", time}, {"limit", "2"}})
                .at("items")
                .as_array()
                .size(),
            2u);
  EXPECT_TRUE(found("0000").empty());
  EXPECT_TRUE(found("ffff-").empty());
  for (const char* wrong : {"abc", "zzzz", "%", "01234567890123456789012345678901234567"})
    EXPECT_EQ(get_string(api("GET", "/api/tasks", "", 400, {{"id", wrong}}), "code"), "bad-query");
}

TEST_F(ControlTest, a_beginning_is_found_in_a_long_history_with_few_reads) {
  struct Counting final : conformance::MemoryQueue {
    Result<std::vector<model::Task>> read(const ports::TaskQuery& query) override {
      ++reads;
      return conformance::MemoryQueue::read(query);
    }
    int reads = 0;
  } counting;
  std::vector<model::Task> tasks(4'000);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    std::string time = fmt::format("{:012x}", 0x019b00000000 + i * 0x10000);
    tasks[i].id = time.insert(8, "-") + "-7000-8000-000000000000";
    tasks[i].spec.type = "echo";
    ASSERT_TRUE(counting.enqueue(1, {&tasks[i], 1}));
  }
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{2'017},
                              std::size_t{3'998}, std::size_t{3'999}}) {
    counting.reads = 0;
    const auto found = control::tasks_beginning(counting, tasks[i].id.substr(0, 13), 5);
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->size(), 1u) << i;
    EXPECT_EQ(found->front().id, tasks[i].id);
    EXPECT_LE(counting.reads, 16);
  }
}

TEST_F(ControlTest, a_word_that_is_no_presence_is_refused_with_the_nearest) {
  const auto problem = api("GET", "/api/workers", "", 400, {{"status", "onlin"}});
  EXPECT_EQ(get_string(problem, "code"), "bad-query");
  EXPECT_NE(get_string(problem, "detail").find("did you mean \"online\"?"), std::string::npos);
  EXPECT_NE(get_string(api("GET", "/api/tasks", "", 400, {{"status", "qeued"}}), "detail")
                .find("did you mean \"queued\"?"),
            std::string::npos);
  api("GET", "/api/workers", "", 200, {{"status", "stale"}});
}

TEST_F(ControlTest, get_with_wait_holds_the_request_until_the_end) {
  const std::string id = submit();
  const auto response = call("GET", "/api/tasks/" + id, "", {{"wait", "30"}});
  ASSERT_TRUE(response.wait);
  EXPECT_EQ(response.wait->key, id);
  EXPECT_EQ(response.wait->until, clock.mono_ms() + 30'000);
  int woken = 0;
  waits().tasks.add(response.wait->key, response.wait->ticket, [&] { ++woken; });
  api("POST", "/api/tasks/" + id + "/cancel");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(status_of(id), "cancelled");
}

TEST_F(ControlTest, explain_names_a_site_at_which_nobody_is) {  // O10
  const std::string id = submit(R"({"type":"echo","site":"nowhere"})");
  EXPECT_NE(get_string(api("GET", "/api/tasks/" + id + "/explain"), "summary")
                .find("no worker is at site \"nowhere\""),
            std::string::npos);
}

TEST_F(ControlTest, explain_says_why_for_each_worker) {
  enrol("w1");
  const std::string id = submit(R"({"type":"echo","site":"site-b"})");
  const auto e = api("GET", "/api/tasks/" + id + "/explain");
  const auto& line = e.at("workers").as_array().at(0).as_object();
  EXPECT_FALSE(get_bool(line, "eligible", true));
  EXPECT_EQ(get_string(line, "reason"), "site is site-a, the task wants site-b");
  EXPECT_EQ(get_string(e, "next"), "skep task cancel " + id);
}

TEST_F(ControlTest, a_waiting_claim_is_woken_by_a_task_it_can_run_only) {
  enrol("w1");
  const auto response =
      call("POST", "/api/workers/w1/claim", api::encode(api::ClaimRequest{"i1", 1, 30, {}}));
  ASSERT_TRUE(response.wait);
  int woken = 0;
  waits().claims.add(response.wait->key, response.wait->ticket, [&] { ++woken; });
  submit(R"({"type":"echo","requires":["gpu"]})");
  EXPECT_EQ(woken, 0);
  submit();
  EXPECT_EQ(woken, 1);
}

TEST_F(ControlTest, cancel_of_a_running_task_reaches_its_worker) {
  enrol("w1");
  const std::string id = submit();
  const auto tasks = claim("w1");
  ASSERT_EQ(tasks.size(), 1u);
  api("POST", "/api/tasks/" + id + "/cancel");
  const auto reply = api("POST", "/api/workers/w1/claim",
                         api::encode(api::ClaimRequest{"i1", 0, 30, {tasks[0].lease}}));
  const auto& cancel = reply.at("cancel").as_array();
  ASSERT_EQ(cancel.size(), 1u);
  EXPECT_EQ(get_string(cancel[0].as_object(), "lease_id"), tasks[0].lease.lease_id);
  EXPECT_EQ(verdict_of(envelope(tasks[0].lease, "w1")), "superseded");
  EXPECT_EQ(status_of(id), "cancelled");
  const auto again = api("POST", "/api/tasks/" + id + "/cancel", "", 409);
  EXPECT_EQ(get_string(again, "code"), "already-ended");
}

TEST_F(ControlTest, a_retry_stops_the_old_attempt_and_never_the_new_one) {
  enrol("w1");
  const std::string id = submit();
  const auto old = claim("w1").at(0).lease;
  const auto refused = api("POST", "/api/tasks/" + id + "/retry", "", 409);
  EXPECT_EQ(get_string(refused, "code"), "still-running");
  EXPECT_EQ(get_string(refused, "next"),
            "skep task logs " + id + " -f   or   skep task retry " + id + " --force");
  EXPECT_EQ(status_of(id), "claimed") << "nothing was stopped";
  api("POST", "/api/tasks/" + id + "/retry", "", 400, {{"force", "yes"}});
  api("POST", "/api/tasks/" + id + "/retry", "", 200, {{"force", "true"}});
  const auto first = api::decode_claim_reply(
      call("POST", "/api/workers/w1/claim", api::encode(api::ClaimRequest{"i1", 1, 0, {old}}))
          .body);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->cancel.size(), 1u);
  EXPECT_EQ(first->cancel[0].attempt, old.attempt);
  const auto fresh = first->tasks.at(0).lease;
  const auto both =
      api::decode_claim_reply(call("POST", "/api/workers/w1/claim",
                                   api::encode(api::ClaimRequest{"i1", 0, 0, {old, fresh}}))
                                  .body);
  ASSERT_TRUE(both);
  ASSERT_EQ(both->cancel.size(), 1u);
  EXPECT_EQ(both->cancel[0].attempt, old.attempt);
  EXPECT_EQ(verdict_of(envelope(fresh, "w1")), "applied");
}

TEST_F(ControlTest, a_task_due_within_one_round_wakes_a_waiting_claim) {
  enrol("w1");
  submit(R"({"type":"echo","run_at":")" + to_iso(clock.wall_ms() + 100) + R"("})");
  const auto response =
      call("POST", "/api/workers/w1/claim", api::encode(api::ClaimRequest{"i1", 1, 30, {}}));
  ASSERT_TRUE(response.wait);
  int woken = 0;
  waits().claims.add(response.wait->key, response.wait->ticket, [&] { ++woken; });
  clock.advance(Millis{250});
  ASSERT_TRUE(tasks().reaper.round());
  EXPECT_EQ(woken, 1);
}

TEST_F(ControlTest, a_silent_workers_open_claim_gets_no_work) {
  enrol("w1");
  enrol("w2");
  clock.advance(Millis{91'000});
  const api::Beat beat{"w2", "i1"};
  api("POST", "/api/workers/w2/heartbeat", api::encode(beat));
  submit();
  EXPECT_TRUE(claim("w1").empty());
  EXPECT_EQ(claim("w2").size(), 1u);
}

TEST_F(ControlTest, retry_gives_a_dead_task_fresh_tries) {
  enrol("w1");
  const std::string id = submit(R"({"type":"echo","max_attempts":1})");
  const auto tasks = claim("w1");
  model::Outcome busy{model::OutcomeKind::kFailed, "", R"({"code":"busy","message":"later"})",
                      true};
  EXPECT_EQ(verdict_of(envelope(tasks.at(0).lease, "w1", busy)), "applied");
  EXPECT_EQ(status_of(id), "dead");
  EXPECT_EQ(get_string(api("POST", "/api/tasks/" + id + "/retry"), "status"), "queued");
  EXPECT_EQ(claim("w1").at(0).lease.attempt, 2);
}

}  // namespace
}  // namespace skep::test
