// What becomes of canaries, from beats and results to the verdict.
#include "tests/unit/control/registry.hpp"

namespace skep::test {
namespace {

TEST_F(RegistryTest, a_canary_that_fails_more_is_rolled_back_alone) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("1.0.0");
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  const std::string id = canary();
  EXPECT_EQ(version_for(id), "2.0.0");
  EXPECT_EQ(version_for(other_than(id)), "1.0.0");
  EXPECT_EQ(code(publication("3.0.0"), 409), "canary-under-way");
  run_task(id, false);  // before it has the file: does not count
  clock.advance(Millis{1});
  report(id, "active");
  for (int i = 0; i < 5; ++i) run_task(other_than(id), true);
  for (int i = 0; i < 4; ++i) run_task(id, false);
  round();
  EXPECT_EQ(get_string(newest(), "state"), "canary");
  run_task(id, false);
  round();
  EXPECT_EQ(get_string(newest(), "state"), "rolled_back");
  EXPECT_NE(get_string(newest(), "reason").find("5 of 5 tasks failed on canaries"),
            std::string::npos);
  EXPECT_EQ(version_for(id), "1.0.0");
}

TEST_F(RegistryTest, tallies_survive_a_restart_and_other_control_planes_see_the_same) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  report(canary(), "active");
  for (int i = 0; i < 3; ++i) run_task(canary(), false);
  round();
  control::Control other(queue, store, clock, config(), types());
  ASSERT_TRUE(other.prepare());
  auto& there = other.feature<control::Fleet>().registry;
  EXPECT_EQ(there.snapshot()->releases.back().canary.failed, 3);
  ASSERT_TRUE(there.promote("echo", "system"));
  EXPECT_EQ(version_for("w1"), "2.0.0") << "a worker that asks is told what the store says";
  EXPECT_EQ(version_for("w2"), "2.0.0");
}

TEST_F(RegistryTest, attempts_count_once_however_often_the_control_plane_dies) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  report(canary(), "active");
  for (int i = 0; i < 3; ++i) run_task(canary(), false);
  store.failure = Error{Code::kUnavailable, "the store is away"};
  EXPECT_FALSE(control.reconciler().step(1'000));
  store.failure.reset();
  round();
  round();
  const auto failed = [&] {
    return get_int(newest().at("tasks").as_object().at("canary").as_object(), "failed");
  };
  EXPECT_EQ(failed(), 3);
}

TEST_F(RegistryTest, an_attempt_that_is_tried_again_elsewhere_still_counts_where_it_failed) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  const std::string id = canary();
  report(id, "active");
  submit();
  auto first = envelope(claim(id, 1).at(0).lease, id,
                        {.kind = model::OutcomeKind::kFailed, .retryable = true});
  verdict_of(first);
  clock.advance(Millis{60'000});
  ASSERT_TRUE(tasks().reaper.round());
  beat(other_than(id));
  end_task(claim(other_than(id), 1).at(0).lease, other_than(id), true);
  round();
  const auto release = newest();
  const auto& counts = release.at("tasks").as_object();
  EXPECT_EQ(get_int(counts.at("canary").as_object(), "failed"), 1);
  EXPECT_EQ(get_int(counts.at("others").as_object(), "succeeded"), 1);
}

TEST_F(RegistryTest, a_canary_that_cannot_load_it_ends_the_rollout) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("1.0.0", R"(,"canary":"10%")");
  report(canary(), "failed", "syntax error near 'end'");
  round();
  EXPECT_EQ(get_string(newest(), "state"), "rolled_back");
  EXPECT_NE(get_string(newest(), "reason").find("syntax error near 'end'"), std::string::npos);
}

TEST_F(RegistryTest, a_quiet_canary_is_promoted_when_its_time_is_over) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("1.0.0", R"(,"canary":1,"promote_after_seconds":60)");
  report(canary(), "active");
  clock.advance(Millis{59'999});
  round();
  EXPECT_EQ(get_string(newest(), "state"), "canary");
  clock.advance(Millis{1});
  round();
  EXPECT_EQ(get_string(newest(), "state"), "active");
}

TEST_F(RegistryTest, a_clock_that_is_set_neither_promotes_a_canary_nor_keeps_it) {
  constexpr std::int64_t kDay = 86'400'000;
  std::int64_t n = 0;
  for (const std::int64_t by :
       {kDay / 24, -kDay / 24, 10 * kDay, -10 * kDay, 400 * kDay, -400 * kDay}) {
    for (const char* id : {"w1", "w2"}) enrol(id);
    publish(std::to_string(++n) + ".0.0", R"(,"canary":1,"promote_after_seconds":60)");
    report(canary(), "active");
    clock.advance(Millis{30'000});
    clock.set(Millis{by});
    round();
    EXPECT_EQ(get_string(newest(), "state"), "canary") << by;
    clock.advance(Millis{29'999});
    round();
    EXPECT_EQ(get_string(newest(), "state"), "canary") << by;
    clock.advance(Millis{1});
    round();
    EXPECT_EQ(get_string(newest(), "state"), "active") << by;
  }
}

TEST_F(RegistryTest, what_a_canary_ran_counts_also_after_the_clock_was_set_back) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  report(canary(), "active");
  clock.set(-Millis{86'400'000});
  ASSERT_TRUE(tasks().reaper.round());
  clock.advance(Millis{1});
  for (int i = 0; i < 5; ++i) run_task(canary(), false);
  round();
  EXPECT_EQ(get_string(newest(), "state"), "rolled_back");
}

TEST_F(RegistryTest, a_canary_that_does_not_run_it_is_not_promoted) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("1.0.0", R"(,"canary":1,"promote_after_seconds":60)");
  for (const char* state : {"pending", "fetched"}) {
    report(canary(), state);
    clock.advance(Millis{60'000});
    round();
    EXPECT_EQ(get_string(newest(), "state"), "canary") << state;
  }
  report(canary(), "active");
  round();
  EXPECT_EQ(get_string(newest(), "state"), "canary") << "its time begins now";
  clock.advance(Millis{60'000});
  round();
  EXPECT_EQ(get_string(newest(), "state"), "active");
}

TEST_F(RegistryTest, results_that_come_late_belong_to_what_ran_then) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  const std::string id = canary();
  std::vector<model::Lease> old;
  for (int i = 0; i < 5; ++i) old.push_back(begin_task(id));
  clock.advance(Millis{60'000});
  report(id, "active");
  for (const auto& lease : old) end_task(lease, id, false, 3'600'000);
  for (int i = 0; i < 2; ++i) end_task(begin_task(id), id, true, -3'600'000);
  round();
  EXPECT_EQ(get_string(newest(), "state"), "canary");
  const auto release = newest();
  const auto& tasks = release.at("tasks").as_object().at("canary").as_object();
  EXPECT_EQ(get_int(tasks, "failed"), 0);
  EXPECT_EQ(get_int(tasks, "succeeded"), 2) << "whatever the worker's clock says";
}

TEST_F(RegistryTest, a_failure_is_an_event_again_after_its_worker_was_removed) {
  const auto failures = [&] {
    const std::string text = call("GET", "/metrics").body;
    const std::string name = "skep_release_events_total{event=\"failed\"} ";
    const auto at = text.find(name);
    return at == std::string::npos ? 0 : std::stoi(text.substr(at + name.size()));
  };
  enrol("w1");
  publish("1.0.0");
  for (int i = 0; i < 2; ++i) report("w1", "failed", "line 3");
  EXPECT_EQ(failures(), 1);
  clock.advance(Millis{600'000});
  api("DELETE", "/api/workers/w1");
  enrol("w1");
  report("w1", "failed", "line 3");
  EXPECT_EQ(failures(), 2);
}

// A1: what a version's schema does not take was meant for another version.
TEST_F(RegistryTest, params_that_were_refused_speak_neither_for_nor_against_a_canary) {
  for (const char* id : {"w1", "w2"}) enrol(id);
  publish("2.0.0", R"(,"canary":1,"hold":true)");
  report(canary(), "active");
  clock.advance(Millis{1});
  const model::Outcome refused{
      .kind = model::OutcomeKind::kFailed,
      .error = R"({"code":"invalid","message":"params of echo /a: unknown member",)"
               R"("errors":[{"pointer":"/a","message":"unknown member"}]})"};
  for (int i = 0; i < 6; ++i)
    for (const std::string& worker : {canary(), other_than(canary())})
      verdict_of(envelope(begin_task(worker), worker, refused));
  round();
  const auto counts = newest().at("tasks").as_object();
  for (const char* who : {"canary", "others"})
    EXPECT_EQ(get_int(counts.at(who).as_object(), "failed"), 0) << who;
  for (int i = 0; i < 5; ++i)
    verdict_of(envelope(begin_task(canary()), canary(),
                        {.kind = model::OutcomeKind::kFailed,
                         .error = R"({"code":"invalid","message":"its own word"})"}));
  round();
  EXPECT_EQ(get_string(newest(), "state"), "rolled_back");
}

}  // namespace
}  // namespace skep::test
