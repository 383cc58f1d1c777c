#include "tests/unit/control/bundle.hpp"

namespace skep::test {
namespace {

TEST_F(ControlTest, a_result_that_was_not_recorded_is_not_acknowledged) {
  enrol("w1");
  const std::string id = submit();
  const auto e = envelope(claim("w1").at(0).lease, "w1");
  queue.complete_failure = unavailable("the disk is gone");
  for (const std::string& body : {api::encode(e), "[" + api::encode(e) + "]"})
    EXPECT_EQ(call("POST", "/api/workers/results", body).status, 503) << body;
  queue.complete_failure.reset();
  EXPECT_EQ(verdict_of(e), "applied");
}

TEST_F(ControlTest, a_result_counts_once_however_often_it_comes) {
  enrol("w1");
  const std::string id = submit();
  const auto e = envelope(claim("w1").at(0).lease, "w1");
  EXPECT_EQ(verdict_of(e), "applied");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(verdict_of(e), "duplicate");
  EXPECT_EQ(status_of(id), "succeeded");
  ASSERT_TRUE(control.reconciler().step(100));
  EXPECT_EQ(*control.reconciler().step(100), 0u);
  const auto m = api("GET", "/api/workers/metrics");
  EXPECT_EQ(get_int(m, "task_finished_count"), 1);
}

TEST_F(ControlTest, the_same_key_with_another_body_is_refused) {
  enrol("w1");
  submit();
  auto e = envelope(claim("w1").at(0).lease, "w1");
  verdict_of(e);
  e.payload = api::encode(model::Outcome{model::OutcomeKind::kSucceeded, "{\"n\":2}"});
  EXPECT_EQ(verdict_of(e, 422), "idempotency-conflict");
}

TEST_F(ControlTest, another_workers_attempt_is_refused) {
  enrol("w1");
  enrol("w2");
  const std::string id = submit();
  const auto foreign = envelope(claim("w1").at(0).lease, "w2");
  EXPECT_EQ(verdict_of(foreign, 403), "wrong-worker");
  const auto alone = api("POST", "/api/workers/results", api::encode(foreign), 403);
  EXPECT_EQ(get_string(alone, "key"), foreign.idempotency_key) << "a refusal alone names it, too";
  EXPECT_EQ(status_of(id), "claimed");
}

TEST_F(ControlTest, a_result_of_an_unknown_task_is_kept_and_acknowledged) {
  EXPECT_EQ(verdict_of(envelope({"nobody", 1, "x"}, "w1")), "orphan_recorded");
}

TEST_F(ControlTest, an_array_answers_each_envelope_in_order) {
  enrol("w1");
  submit();
  const auto good = envelope(claim("w1").at(0).lease, "w1");
  const std::string body = "[" + api::encode(good) +
                           R"(,{"payload_type":"gossip","worker_id":"w1",)" +
                           R"("idempotency_key":"k","payload":{}}])";
  const auto answer = api("POST", "/api/workers/results", body);
  const auto& items = answer.at("items").as_array();
  EXPECT_EQ(get_string(items.at(0).as_object(), "ack"), good.idempotency_key);
  EXPECT_TRUE(items.at(1).as_object().at("ack").is_null());
  EXPECT_EQ(get_int(items.at(1).as_object(), "status"), 422);
  EXPECT_EQ(get_string(items.at(1).as_object(), "key"), "k") << "a refused one names itself";
  EXPECT_FALSE(get_string(items.at(1).as_object().at("error").as_object(), "code").empty());
}

TEST_F(ControlTest, every_answer_to_a_worker_says_whom_it_is_for) {  // P1
  const api::Addressee to{"w1", "i1"};
  const auto addressed = [&](const std::string& call, const std::string& body, int status) {
    return api::read_addressee(api("POST", "/api/workers/" + call, body, status)) == to;
  };
  const std::string beat = api::encode(api::Beat{"w1", "i1"});
  const std::string claim = api::encode(api::ClaimRequest{"i1", 1, 0, {}});
  const std::string release = api::encode(api::ReleaseRequest{"i1", {}});
  EXPECT_TRUE(addressed("w1/heartbeat", beat, 404));
  EXPECT_TRUE(addressed("w1/claim", claim, 404));
  EXPECT_TRUE(addressed("w1/release", release, 404));
  EXPECT_TRUE(addressed("register", api::encode(registration("w1")), 200));
  EXPECT_TRUE(addressed("w1/heartbeat", beat, 200));
  EXPECT_TRUE(addressed("w1/claim", claim, 200));
  EXPECT_TRUE(addressed("w1/release", release, 200));
  EXPECT_EQ(api::read_addressee(api("GET", "/api/workers/w1/releases")).worker_id, "w1");
  enrol("w1", "i2");
  EXPECT_TRUE(addressed("w1/heartbeat", beat, 409));
  EXPECT_TRUE(addressed("w1/claim", claim, 409));
  const auto refusal = call("POST", "/api/workers/w1/release", release);
  EXPECT_EQ(refusal.status, 409);
  EXPECT_EQ(api::decode_refusal(refusal.body)->code, api::kWorkerIdConflict);
}

TEST_F(ControlTest, log_chunks_come_back_in_order_and_once) {
  enrol("w1");
  const std::string id = submit();
  const auto lease = claim("w1").at(0).lease;
  for (const int chunk : {1, 0, 1}) {
    auto e = envelope(lease, "w1");
    e.payload_type = model::PayloadType::kLogs;
    e.idempotency_key = "logs-" + std::to_string(chunk);
    e.payload = api::encode(api::LogChunk{chunk, {{"stdout", "line " + std::to_string(chunk)}}});
    EXPECT_EQ(verdict_of(e), "stored");
  }
  const auto page = api("GET", "/api/tasks/" + id + "/logs");
  const auto& items = page.at("items").as_array();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(get_string(items[0].as_object(), "text"), "line 0");
  EXPECT_EQ(get_string(items[1].as_object(), "text"), "line 1");
  const auto rest = api("GET", "/api/tasks/" + id + "/logs", "", 200,
                        {{"after", get_string(page, "next_cursor")}});
  EXPECT_TRUE(rest.at("items").as_array().empty());
}

TEST_F(ControlTest, output_is_at_its_end_when_all_of_it_is_there) {
  enrol("w1");
  const std::string id = submit();
  const auto lease = claim("w1").at(0).lease;
  const auto send = [&](int chunk) {
    auto e = envelope(lease, "w1");
    e.payload_type = model::PayloadType::kLogs;
    e.idempotency_key = "logs-" + std::to_string(chunk);
    e.payload = api::encode(api::LogChunk{chunk, {{"stdout", std::to_string(chunk)}}});
    EXPECT_EQ(verdict_of(e), "stored");
  };
  std::string cursor;
  const auto page = [&] {
    const auto got = api("GET", "/api/tasks/" + id + "/logs", "", 200,
                         cursor.empty() ? std::map<std::string, std::string>{}
                                        : std::map<std::string, std::string>{{"after", cursor}});
    cursor = get_string(got, "next_cursor");
    std::string text;
    for (const auto& item : got.at("items").as_array())
      text += get_string(item.as_object(), "text");
    return text + (get_bool(got, "ended") ? "." : "");
  };
  send(0);
  EXPECT_EQ(page(), "0");
  // A worker that was cut off brings the newest first.
  model::Outcome outcome{model::OutcomeKind::kSucceeded, "{}"};
  outcome.output_chunks = 5;
  EXPECT_EQ(verdict_of(envelope(lease, "w1", outcome)), "applied");
  EXPECT_EQ(page(), "") << "the task has ended, its output has not come";
  send(3);
  send(1);
  EXPECT_EQ(page(), "1");
  send(2);
  EXPECT_EQ(page(), "23");
  EXPECT_EQ(page(), "");
  // The last one never comes.
  clock.advance(Millis{30'000});
  EXPECT_EQ(page(), ".");
}

TEST_F(ControlTest, output_with_a_piece_that_never_comes_goes_on_behind_it) {
  enrol("w1");
  const std::string id = submit();
  const auto lease = claim("w1").at(0).lease;
  auto e = envelope(lease, "w1");
  e.payload_type = model::PayloadType::kLogs;
  e.idempotency_key = "logs-7";
  e.payload = api::encode(api::LogChunk{7, {{"stdout", "the rest"}}});
  EXPECT_EQ(verdict_of(e), "stored");
  EXPECT_TRUE(tasks().results.logs(id, 0, -1, 10)->rows.empty());
  clock.advance(Millis{30'000});
  EXPECT_EQ(tasks().results.logs(id, 0, -1, 10)->rows.size(), 1u);
}

TEST_F(ControlTest, a_retryable_failure_waits_and_runs_again) {
  enrol("w1");
  const std::string id = submit();
  model::Outcome busy{model::OutcomeKind::kFailed, "", R"({"code":"busy","message":"later"})",
                      true};
  verdict_of(envelope(claim("w1").at(0).lease, "w1", busy));
  EXPECT_EQ(get_string(api("GET", "/api/tasks/" + id), "state"), "retry_wait");
  EXPECT_TRUE(claim("w1").empty());
  clock.advance(Millis{900'000});
  ASSERT_TRUE(tasks().reaper.round());
  beat("w1");
  EXPECT_EQ(claim("w1").at(0).lease.attempt, 2);
}

TEST_F(ControlTest, a_late_result_beats_the_retry) {
  enrol("w1");
  const std::string id = submit();
  const auto lease = claim("w1").at(0).lease;
  clock.advance(Millis{91'000});
  ASSERT_TRUE(tasks().reaper.round());
  clock.advance(Millis{301'000});
  ASSERT_TRUE(tasks().reaper.round());
  EXPECT_EQ(get_string(api("GET", "/api/tasks/" + id), "state"), "retry_wait");
  EXPECT_EQ(verdict_of(envelope(lease, "w1")), "applied_late");
  EXPECT_EQ(status_of(id), "succeeded");
}

TEST_F(ControlTest, nobody_is_given_up_during_the_grace_time_after_a_start) {
  enrol("w1");
  const std::string id = submit();
  claim("w1");
  clock.advance(Millis{3'600'000});  // long past the lease: the control plane was away
  control::Control restarted(queue, store, clock, config(), types());
  ASSERT_TRUE(restarted.prepare());
  control::Reaper& reaper = restarted.feature<control::Tasks>().reaper;
  const auto state = [&] { return get_string(api("GET", "/api/tasks/" + id), "state"); };
  for (const int ms : {0, 5'000, 294'999}) {
    clock.advance(Millis{ms});
    ASSERT_TRUE(reaper.round());
    EXPECT_EQ(state(), "suspect");
  }
  clock.advance(Millis{1});
  ASSERT_TRUE(reaper.round());
  EXPECT_EQ(state(), "retry_wait") << "the grace time alone held it";
}

TEST_F(ControlTest, heartbeats_keep_a_lease_for_ever) {
  enrol("w1");
  const std::string id = submit();
  const auto lease = claim("w1").at(0).lease;
  for (int i = 0; i < 60; ++i) {
    clock.advance(Millis{30'000});
    api::Beat beat;
    beat.worker_id = "w1";
    beat.incarnation = "i1";
    beat.tasks = {{lease, true}};
    const auto reply = api("POST", "/api/workers/w1/heartbeat", api::encode(beat));
    EXPECT_EQ(get_string(reply.at("tasks").as_array().at(0).as_object(), "verdict"), "held");
    ASSERT_TRUE(tasks().reaper.round());
  }
  EXPECT_EQ(status_of(id), "executing");
  EXPECT_EQ(get_int(api("GET", "/api/tasks/" + id), "attempt"), 1);
}

TEST_F(ControlTest, a_restarted_worker_loses_its_attempts_at_once) {
  enrol("w1", "i1");
  const std::string id = submit();
  claim("w1");
  enrol("w1", "i2");
  EXPECT_EQ(get_string(api("GET", "/api/tasks/" + id), "state"), "retry_wait");
  const auto beat = api::Beat{"w1", "i1"};
  const auto conflict = api("POST", "/api/workers/w1/heartbeat", api::encode(beat), 409);
  EXPECT_EQ(get_string(conflict, "code"), "worker-id-conflict");
}

TEST_F(ControlTest, three_crashes_make_a_task_dead) {
  const std::string id = submit();
  for (int i = 1; i <= 3; ++i) {
    const std::string incarnation = "i" + std::to_string(i);
    enrol("w1", incarnation);
    clock.advance(Millis{900'000});
    ASSERT_TRUE(tasks().reaper.round());
    beat("w1", incarnation);
    ASSERT_EQ(claim("w1", 1, incarnation).size(), 1u) << i;
  }
  enrol("w1", "i4");
  EXPECT_EQ(status_of(id), "dead");
}

TEST_F(ControlTest, released_attempts_use_no_try) {
  enrol("w1");
  const std::string id = submit();
  const auto lease = claim("w1").at(0).lease;
  api("POST", "/api/workers/w1/release", api::encode(api::ReleaseRequest{"i1", {lease}}));
  const auto task = api("GET", "/api/tasks/" + id);
  EXPECT_EQ(get_string(task, "status"), "queued");
  EXPECT_EQ(get_string(task.at("attempts").as_array().at(0).as_object(), "outcome"), "released");
}

TEST_F(ControlTest, a_last_beat_gives_back_what_the_worker_never_saw) {
  enrol("w1");
  const std::string id = submit();
  claim("w1");
  api::Beat beat{"w1", "i1"};
  beat.draining = true;
  api("POST", "/api/workers/w1/heartbeat", api::encode(beat));
  EXPECT_EQ(status_of(id), "queued");
}

TEST_F(ControlTest, a_last_beat_with_results_on_disk_gives_nothing_back) {
  enrol("w1");
  const std::string id = submit();
  claim("w1");
  api::Beat beat{"w1", "i1"};
  beat.draining = true;
  beat.spool_ready = 1;
  api("POST", "/api/workers/w1/heartbeat", api::encode(beat));
  EXPECT_EQ(status_of(id), "claimed");
}

TEST_F(ControlTest, a_reserved_word_is_no_worker_id) {
  for (const char* word : {"health", "metrics", "results", "register", "../x", ""}) {
    auto r = registration(word);
    EXPECT_EQ(call("POST", "/api/workers/register", api::encode(r)).status, 400) << word;
  }
}

TEST_F(ControlTest, a_protocol_from_the_future_is_refused_with_both_named) {
  auto r = registration("w1");
  r.protocol_min = r.protocol_max = 7;
  const auto problem = api("POST", "/api/workers/register", api::encode(r), 409);
  EXPECT_EQ(get_string(problem, "code"), "protocol-mismatch");
  EXPECT_NE(get_string(problem, "detail").find("7"), std::string::npos);
}

TEST_F(ControlTest, presence_follows_the_last_beat) {
  enrol("w1");
  const auto status = [this] { return get_string(api("GET", "/api/workers/w1"), "status"); };
  EXPECT_EQ(status(), "online");
  clock.advance(Millis{46'000});
  EXPECT_EQ(status(), "late");
  clock.advance(Millis{45'000});
  EXPECT_EQ(status(), "offline");
  clock.advance(Millis{210'000});
  EXPECT_EQ(status(), "stale");
}

TEST_F(ControlTest, a_paused_worker_gets_nothing_and_is_told) {
  enrol("w1");
  submit();
  api("POST", "/api/workers/w1/pause");
  const auto reply =
      api("POST", "/api/workers/w1/claim", api::encode(api::ClaimRequest{"i1", 1, 0, {}}));
  EXPECT_EQ(get_string(reply, "mode"), "paused");
  EXPECT_TRUE(reply.at("tasks").as_array().empty());
  api("POST", "/api/workers/w1/resume");
  EXPECT_EQ(claim("w1").size(), 1u);
}

TEST_F(ControlTest, forgets_tasks_and_output_after_the_retention_time) {
  control::Retention retention(control.platform(), 90'000);
  enrol("w1");
  const std::string id = submit();
  const auto lease = claim("w1").at(0).lease;
  auto logs = envelope(lease, "w1");
  logs.payload_type = model::PayloadType::kLogs;
  logs.idempotency_key = "logs";
  logs.payload = api::encode(api::LogChunk{0, {{"stdout", "hello"}}});
  EXPECT_EQ(verdict_of(logs), "stored");
  ASSERT_EQ(tasks().results.logs(id, 0, -1, 10)->rows.size(), 1u);
  verdict_of(envelope(lease, "w1"));
  clock.advance(Millis{89'999});
  ASSERT_TRUE(control.reconciler().step(100));
  EXPECT_EQ(*retention.step(), 0u);
  clock.advance(Millis{2});
  EXPECT_GT(*retention.step(), 0u);
  EXPECT_EQ(call("GET", "/api/tasks/" + id).status, 404);
  EXPECT_TRUE(tasks().results.logs(id, 0, -1, 10)->rows.empty());
  EXPECT_EQ(*retention.step(), 0u);
}

TEST_F(ControlTest, keeps_old_tasks_that_are_not_reconciled_and_all_with_a_retention_of_0) {
  enrol("w1");
  const std::string id = submit();
  verdict_of(envelope(claim("w1").at(0).lease, "w1"));
  clock.advance(Millis{1'000'000});
  control::Retention retention(control.platform(), 90'000);
  ASSERT_TRUE(retention.step());
  EXPECT_EQ(status_of(id), "succeeded");
  ASSERT_TRUE(control.reconciler().step(100));
  control::Retention never(control.platform(), 0);
  EXPECT_EQ(*never.step(), 0u);
  EXPECT_EQ(status_of(id), "succeeded");
}

TEST_F(ControlTest, is_not_ready_while_the_background_writes_fail) {
  enrol("w1");
  beat("w1");
  store.failure = Error{Code::kNoMemory, "disk full"};
  EXPECT_FALSE(tasks().reaper.round());
  EXPECT_NE(unwell().find("background: "), std::string::npos) << unwell();
  EXPECT_NE(unwell().find("disk full"), std::string::npos) << unwell();
  const auto shown = api("GET", "/api/workers/health");
  EXPECT_EQ(get_string(shown, "status"), "degraded");
  ASSERT_EQ(shown.at("troubles").as_array().size(), 1u);
  EXPECT_EQ(std::string(shown.at("troubles").as_array().at(0).as_string()) + '\n', unwell());
  const std::string metrics = call("GET", "/metrics").body;
  EXPECT_NE(metrics.find("skep_check_failed{check=\"background\"} 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("skep_check_failed{check=\"queue\"} 0\n"), std::string::npos) << metrics;
  store.failure.reset();
  EXPECT_FALSE(tasks().reaper.round());
  EXPECT_NE(unwell(), "") << "nothing was written since";
  clock.advance(Millis{5'000});
  EXPECT_TRUE(tasks().reaper.round());
  EXPECT_EQ(unwell(), "");
  const auto well = api("GET", "/api/workers/health");
  EXPECT_EQ(get_string(well, "status"), "ok");
  EXPECT_TRUE(well.at("troubles").as_array().empty());
  control::WorkerDirectory reborn(store, {});
  ASSERT_TRUE(reborn.load());
  EXPECT_EQ(reborn.all().at(0).last_seen_ms, clock.wall_ms() - 5'000) << "kept for the next try";
}

TEST_F(ControlTest, only_a_worker_that_is_gone_can_be_removed) {
  enrol("w1");
  EXPECT_EQ(call("DELETE", "/api/workers/w1").status, 409);
  clock.advance(Millis{91'000});
  api("DELETE", "/api/workers/w1");
  EXPECT_EQ(call("GET", "/api/workers/w1").status, 404);
  EXPECT_EQ(call("DELETE", "/api/workers/w1").status, 404);
  control::WorkerDirectory reborn(store, {});
  ASSERT_TRUE(reborn.load());
  EXPECT_TRUE(reborn.all().empty());
  enrol("w1");
  EXPECT_EQ(call("GET", "/api/workers/w1").status, 200);
}

TEST(ResultStore, of_an_earlier_build_is_brought_up_to_date) {
  MemoryStore store;
  const std::vector<std::string> earlier{
      "CREATE TABLE task_logs (task_id TEXT NOT NULL, attempt BIGINT NOT NULL, chunk BIGINT NOT "
      "NULL, entries TEXT NOT NULL, received_ms BIGINT NOT NULL, "
      "PRIMARY KEY (task_id, attempt, chunk))",
      "CREATE TABLE worker_documents (worker_id TEXT NOT NULL, kind TEXT NOT NULL, document TEXT "
      "NOT NULL, created_ms BIGINT NOT NULL, PRIMARY KEY (worker_id, kind))"};
  ASSERT_TRUE(store.migrate("results", earlier));
  const auto now = store.migrate("results", control::ResultService::migrations());
  EXPECT_TRUE(now) << now.error().message;
}

TEST_F(ControlTest, refuses_a_registration_or_claim_with_members_of_a_wrong_kind) {
  enrol("w1");
  for (const char* held : {"\"x\"", "[1]", "{}"})
    EXPECT_EQ(call("POST", "/api/workers/w1/claim",
                   R"({"incarnation":"i1","max":1,"held":)" + std::string(held) + "}")
                  .status,
              400)
        << held;
  for (const char* concurrency : {"0", "1025", "1000000000", "4294967300", "\"4\""}) {
    const auto refused = call("POST", "/api/workers/register",
                              R"({"worker_id":"w2","incarnation":"i","site":"a","concurrency":)" +
                                  std::string(concurrency) + "}");
    EXPECT_EQ(refused.status, 400) << concurrency;
    EXPECT_NE(refused.body.find("concurrency must be 1 to 1024"), std::string::npos)
        << refused.body;
  }
}

TEST_F(ControlTest, names_unknown_query_parameters_but_not_to_scrapers) {
  for (const char* path : {"/api/tasks", "/api/workers/health", "/api/workers", "/api/task-types"})
    EXPECT_NE(call("GET", path, "", {{"x", "1"}}).body.find("bad-query"), std::string::npos)
        << path;
  EXPECT_EQ(call("GET", "/metrics", "", {{"x", "1"}}).status, 200);
}

TEST_F(ControlTest, a_claim_whose_reply_was_lost_is_repeated_under_its_id) {
  enrol("w1");
  submit();
  submit();
  const auto ask = [&](bool repeated) {
    return api("POST", "/api/workers/w1/claim",
               api::encode(api::ClaimRequest{"i1", 1, 0, {}, "claim-1", repeated}));
  };
  const auto lost = ask(false);
  const auto again = ask(true);
  ASSERT_EQ(again.at("tasks").as_array().size(), 1u);
  EXPECT_EQ(again.at("tasks"), lost.at("tasks"));
  const auto refused =
      call("POST", "/api/workers/w1/claim", R"({"incarnation":"i1","max":1,"repeated":true})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("claim_id"), std::string::npos) << refused.body;
}

TEST_F(ControlTest, workers_survive_a_restart_of_the_control_plane) {
  enrol("w1");
  control::WorkerDirectory reborn(store, {});
  ASSERT_TRUE(reborn.load());
  EXPECT_EQ(reborn.all().at(0).profile.site, "site-a");
  EXPECT_EQ(reborn.all().at(0).about.types.size(), 2u);
}

TEST_F(ControlTest, metrics_name_the_runbooks_figures) {
  enrol("w1");
  submit();
  const auto response = call("GET", "/metrics");
  for (const char* name :
       {"nova_worker_pool_size{worker=\"w1\",site=\"site-a\"} 4", "nova_runs_queued 1",
        "nova_run_duration_seconds_bucket", "nova_worker_errors_total"})
    EXPECT_NE(response.body.find(name), std::string::npos) << name << "\n" << response.body;
}

}  // namespace
}  // namespace skep::test
