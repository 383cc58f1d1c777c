#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/worker/bench.hpp"

namespace skep::test {
namespace {

using ports::CancelReason;

TEST(Worker, brings_results_home_and_leaves_nothing_behind) {
  Bench b;
  for (int i = 0; i < 50; ++i) b.control.enqueue("noop");
  b.start();
  ASSERT_TRUE(b.finished(50));
  EXPECT_TRUE(eventually([&] { return b.spool.kept() == 0; }));
  EXPECT_TRUE(has(b.control.outcome("task-0"), "\"ok\":true"));
  EXPECT_EQ(b.control.registrations(), 1);
  EXPECT_EQ(b.worker->drain().exit_code, 0);
  EXPECT_EQ(b.spool.reserved(), 0);
}

TEST(Worker, sends_output_before_the_result_with_its_bytes_made_valid) {
  Bench b;
  const auto lease = b.control.enqueue("talk");
  b.start();
  ASSERT_TRUE(b.finished(1));
  EXPECT_EQ(b.control.output(lease.task_id), "out \xff\nerr\n");
}

TEST(Worker, ends_every_attempt_with_an_outcome_even_when_the_runner_throws) {
  Bench b;
  const auto lease = b.control.enqueue("throw");
  b.start();
  ASSERT_TRUE(b.finished(1));
  EXPECT_TRUE(has(b.control.outcome(lease.task_id), "broke its promise"));
}

TEST(Worker, finishes_tasks_while_cut_off_and_delivers_when_the_control_plane_returns) {
  Bench b;
  const auto lease = b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.control.set_away(true);
  b.runner.let_go();
  ASSERT_TRUE(eventually([&] { return b.spool.stats()->ready == 1; })) << "spooled by name";
  EXPECT_TRUE(b.control.finished().empty());
  b.control.set_away(false);
  ASSERT_TRUE(b.finished(1));
  EXPECT_TRUE(eventually([&] { return b.spool.kept() == 0; }));
}

TEST(Worker, starts_without_a_control_plane_and_registers_when_it_comes) {
  Bench b;
  b.control.set_away(true);
  b.control.enqueue("noop");
  b.start();
  EXPECT_FALSE(b.worker->registered());
  ASSERT_TRUE(eventually([&] { return b.worker->troubles().size() == 1; }));
  EXPECT_TRUE(has(b.worker->troubles()[0], "it has not reached its control plane since "));
  EXPECT_TRUE(has(b.worker->troubles()[0], "next: skep health http://127.0.0.1:1"));
  b.control.set_away(false);
  EXPECT_TRUE(b.finished(1));
  EXPECT_TRUE(b.worker->troubles().empty());
}

/// Puts results of an earlier process into the spool.
void spool_old_results(Bench& b, int count) {
  std::vector<ports::SpoolItem> items;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    items.push_back({{},
                     "execution_result",
                     "old-" + n,
                     R"({"idempotency_key":"key-)" + n + R"(","task_id":"old-)" + n +
                         R"(","payload_type":"execution_result","payload":{}})"});
  }
  ASSERT_TRUE(b.spool.defer(*b.spool.put(items)));
}

bool is_old(const std::string& envelope) { return task_of(envelope).starts_with("old-"); }

TEST(Worker, delivers_what_its_spool_held_before_it_registers) {
  Bench b;
  spool_old_results(b, 200);
  std::atomic<bool> late{false};
  std::atomic<int> delivered{0};
  b.control.judge([&](const std::vector<std::string>& envelopes) -> Result<worker::Submission> {
    const auto old = std::count_if(envelopes.begin(), envelopes.end(), is_old);
    if (old > 0 && b.worker->registered()) late = true;
    delivered += static_cast<int>(old);
    return echo(envelopes);
  });
  b.start();
  ASSERT_TRUE(eventually([&] { return !b.control.claim_sizes().empty(); }));
  EXPECT_EQ(delivered, 200);
  EXPECT_FALSE(late);
}

TEST(Worker, delivers_what_its_spool_held_before_it_claims_after_an_outage_at_its_start) {
  Bench b;
  spool_old_results(b, 200);
  std::atomic<bool> late{false};
  b.control.judge([&](const std::vector<std::string>& envelopes) -> Result<worker::Submission> {
    if (std::any_of(envelopes.begin(), envelopes.end(), is_old) && b.runner.most_running() > 0)
      late = true;
    return echo(envelopes);
  });
  b.control.enqueue("noop");
  b.control.set_away(true);
  b.start();
  ASSERT_TRUE(eventually([&] { return b.control.refused_registrations() > 0; }));
  b.control.set_away(false);
  ASSERT_TRUE(eventually([&] { return b.runner.most_running() > 0; }));
  EXPECT_FALSE(late);
}

TEST(Worker, claims_though_nobody_takes_what_its_spool_held) {
  for (const bool answered : {false, true}) {
    Bench b;
    spool_old_results(b, 3);
    b.control.judge([&](const auto&) -> Result<worker::Submission> {
      if (answered) return worker::Submission{503, {}, Millis{0}, "no store"};
      return unavailable("timed out");
    });
    b.control.enqueue("noop");
    b.start();
    EXPECT_TRUE(eventually([&] { return b.runner.most_running() > 0; })) << answered;
  }
}

TEST(Worker, registers_only_once_it_has_read_what_its_spool_held) {
  Bench b;
  spool_old_results(b, 3);
  std::atomic<bool> late{false};
  b.control.judge([&](const std::vector<std::string>& envelopes) -> Result<worker::Submission> {
    if (b.worker->registered()) late = true;
    return echo(envelopes);
  });
  b.spool.fail_reads(Code::kUnavailable);
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->troubles().size() == 1; }));
  EXPECT_TRUE(has(b.worker->troubles()[0], "results in the spool cannot be read: read fails"));
  b.spool.fail_reads(std::nullopt);
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  EXPECT_TRUE(b.worker->troubles().empty());
  EXPECT_EQ(b.spool.kept(), 0u);
  EXPECT_FALSE(late);
}

TEST(Worker, says_that_its_control_plane_refuses_it) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.refuse(Code::kDenied);
  ASSERT_TRUE(eventually([&] { return b.worker->troubles().size() == 1; }));
  EXPECT_TRUE(has(b.worker->troubles()[0], "its control plane refuses it since "));
  EXPECT_TRUE(has(b.worker->troubles()[0], "join_token_file"));
}

TEST(Worker, registers_again_when_the_control_plane_forgot_it) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.forget_workers();
  b.control.enqueue("noop");
  EXPECT_TRUE(b.finished(1));
  EXPECT_EQ(b.control.registrations(), 2);
}

TEST(Worker, gets_the_tasks_of_a_claim_whose_reply_was_lost) {
  Bench b;
  b.control.lose_a_reply();
  for (int i = 0; i < 5; ++i) b.control.enqueue("noop");
  b.start();
  EXPECT_TRUE(b.finished(5));
  EXPECT_EQ(b.worker->drain().exit_code, 0);
  EXPECT_EQ(b.spool.reserved(), 0);
}

TEST(Worker, runs_the_tasks_of_a_reply_that_comes_twice_once) {  // B9
  Bench b;
  b.control.double_replies();
  for (int i = 0; i < 20; ++i) b.control.enqueue("noop");
  b.start();
  EXPECT_TRUE(b.finished(20));
  EXPECT_EQ(b.worker->drain().exit_code, 0);
  EXPECT_EQ(b.control.finished().size(), 20u);
  EXPECT_EQ(b.spool.reserved(), 0);
}

TEST(Worker, runs_an_attempt_once_though_its_reply_comes_twice) {  // B9
  Bench b;
  const model::Lease lease = b.control.enqueue("noop");
  b.start();
  ASSERT_TRUE(b.finished(1));
  b.control.enqueue_again(lease);
  b.control.enqueue("noop");
  ASSERT_TRUE(b.finished(2));
  EXPECT_EQ(b.worker->drain().exit_code, 0);
  EXPECT_EQ(b.control.finished(), (std::vector<std::string>{"task-0", "task-1"}));
  EXPECT_EQ(b.spool.reserved(), 0);
}

TEST(Worker, asks_for_other_tasks_after_an_answer_that_it_cannot_take) {
  Bench b;
  b.control.lose_a_reply(Code::kUnsupported);
  for (int i = 0; i < 5; ++i) b.control.enqueue("noop");
  b.start();
  EXPECT_TRUE(b.finished(3)) << "all but the two of the answer";
}

TEST(Worker, stops_claiming_when_a_newer_process_owns_its_id) {
  Bench b;
  const auto lease = b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.control.refuse(Code::kState);
  ASSERT_TRUE(eventually([&] { return b.conflict.load(); }));
  b.runner.let_go();
  ASSERT_TRUE(b.finished(1)) << "the running task still ends";
  b.control.refuse(std::nullopt);
  b.control.enqueue("noop");
  EXPECT_EQ(b.worker->drain().exit_code, 5);
  EXPECT_EQ(b.control.finished().size(), 1u);
}

TEST(Worker, claims_no_more_than_the_spool_has_room_for) {  // S26
  Bench b(MemorySpoolLimits{2'500, 1000});
  b.options.concurrency = 3;
  b.options.heartbeat_interval = Millis{50};
  for (int i = 0; i < 3; ++i) b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 2; }));
  EXPECT_TRUE(eventually([&] { return b.heartbeat.beats().size() >= 8; }));
  EXPECT_EQ(b.runner.most_running(), 2);
  b.runner.let_go();
  EXPECT_TRUE(b.finished(3)) << "the third runs when there is room again";
}

TEST(Worker, claims_nothing_while_results_cannot_be_kept) {  // S3
  Bench b;
  b.options.concurrency = 1;
  b.options.heartbeat_interval = Millis{50};
  const auto lease = b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.spool.fail_puts(Code::kUnavailable);
  b.runner.let_go();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 0; }));
  ASSERT_TRUE(eventually([&] {  // its lease lives on in the beats
    const auto beats = b.heartbeat.beats();
    if (beats.empty()) return false;
    const api::Beat& beat = beats.back();
    return beat.busy == 0 && beat.spool_degraded && beat.tasks.size() == 1;
  }));
  const std::size_t claims = b.control.claim_sizes().size();
  b.control.enqueue("noop");
  EXPECT_TRUE(b.control.finished().empty()) << "nothing is sent that is not on disk";
  EXPECT_LE(b.control.claim_sizes().size(), claims + 1);
  b.spool.fail_puts(std::nullopt);
  EXPECT_TRUE(b.finished(2));
}

/// The machine's clocks, of which somebody sets the one on the wall.
class SetClock final : public Clock {
 public:
  WallMs wall_ms() const override { return clock_.wall_ms() + set_by_; }
  MonoMs mono_ms() const override { return clock_.mono_ms(); }
  void sleep(Millis d, std::stop_token stop) override { clock_.sleep(d, std::move(stop)); }
  void set(Millis by) { set_by_ += by.count(); }

 private:
  SystemClock clock_;
  std::atomic<std::int64_t> set_by_{0};
};

TEST(Worker, a_clock_that_is_set_ends_no_task_and_keeps_or_repeats_no_result) {
  using std::chrono::hours;
  for (const hours by : {hours{1}, hours{-1}, hours{240}, hours{-240}, hours{9600}, hours{-9600}}) {
    SetClock clock;
    Bench b;
    const auto lease = b.control.enqueue("stubborn", 1'800'000);
    b.start(clock);
    ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
    clock.set(by);
    b.control.enqueue("noop");
    ASSERT_TRUE(b.finished(1)) << "it goes on claiming, " << by.count();
    b.control.set_away(true);
    b.runner.let_go();
    ASSERT_TRUE(eventually([&] { return b.spool.stats()->ready == 1; }));
    clock.set(by);
    b.control.set_away(false);
    ASSERT_TRUE(b.finished(2));
    EXPECT_TRUE(eventually([&] { return b.spool.kept() == 0; }));
    EXPECT_TRUE(has(b.control.outcome(lease.task_id), "\"ok\":true")) << by.count();
    EXPECT_EQ(b.runner.last_reason(), CancelReason::kNone) << by.count();
    EXPECT_EQ(b.worker->drain().exit_code, 0);
    EXPECT_EQ(b.control.finished().size(), 2u) << "each once, " << by.count();
    EXPECT_TRUE(b.control.released().empty());
  }
}

TEST(Worker, says_why_it_claims_nothing_while_its_state_folder_is_gone) {
  const TempDir dir;
  Bench b;
  b.options.state_dir = dir.file("gone");
  b.start();
  EXPECT_TRUE(eventually([&] {
    const auto beats = b.heartbeat.beats();
    return !beats.empty() && beats.back().troubles.size() == 1 &&
           beats.back().troubles[0].find("No such file") != std::string::npos;
  }));
}

TEST(Worker, says_so_also_when_the_folder_goes_while_a_claim_waits) {
  const TempDir dir;
  const std::string folder = dir.file("state");
  std::filesystem::create_directory(folder);
  Bench b;
  b.options.state_dir = folder;
  b.options.claim_hold = Millis{600'000};
  b.options.look_every = Millis{5};
  b.start(b.still);
  ASSERT_TRUE(eventually([&] { return !b.control.claim_sizes().empty(); }));
  const auto told = [&](bool well) {
    b.still.advance(Millis{1'000});
    const auto beats = b.heartbeat.beats();
    return b.worker->troubles().empty() == well && !beats.empty() &&
           beats.back().troubles.empty() == well;
  };
  EXPECT_TRUE(eventually([&] { return told(true); }));
  std::filesystem::rename(folder, dir.file("away"));
  EXPECT_TRUE(eventually([&] { return told(false); }));
  std::filesystem::rename(dir.file("away"), folder);
  EXPECT_TRUE(eventually([&] { return told(true); }));
  EXPECT_EQ(b.control.claim_sizes().size(), 1u) << "the first one waits on";
}

TEST(Worker, hears_of_a_cancellation_while_every_slot_is_busy) {
  Bench b;
  b.options.concurrency = 1;
  b.options.claim_hold = Millis{20};
  b.start();
  for (std::size_t round = 1; round <= 3; ++round) {
    const auto lease = b.control.enqueue("wait");
    ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
    b.control.cancel(lease.task_id);
    ASSERT_TRUE(b.finished(round));
    EXPECT_EQ(b.runner.last_reason(), CancelReason::kUser);
    EXPECT_TRUE(has(b.control.outcome(lease.task_id), "cancelled"));
    // Claims hear of it themselves while a slot is free: nothing else listens until none is.
    const std::size_t claims = b.control.claim_sizes().size();
    ASSERT_TRUE(eventually([&] { return b.control.claim_sizes().size() > claims + 5; }));
  }
}

TEST(Worker, asks_with_the_configured_time_limit) {
  Bench b;
  b.options.request_timeout = Millis{7'000};
  std::set<std::int64_t> limits;
  b.options.control = [&, make = b.control.factory()](const std::atomic<bool>& abort, Millis t) {
    limits.insert(t.count());
    return make(abort, t);
  };
  b.start();
  EXPECT_EQ(limits, std::set<std::int64_t>{7'000});
  b.worker->drain();
}

TEST(Worker, ends_a_task_whose_lease_is_lost) {  // Q20
  Bench b;
  b.options.heartbeat_interval = Millis{50};
  const auto lease = b.control.enqueue("wait");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.heartbeat.lose(lease.task_id);
  ASSERT_TRUE(b.finished(1));
  EXPECT_EQ(b.runner.last_reason(), CancelReason::kLeaseLost);
}

TEST(Worker, a_stranger_that_answers_beats_ends_no_task_and_changes_no_mode) {  // P1
  for (const char* answer : {"{}", "{\"mode\":\"draining\"}", "<html>", "echo"}) {
    SCOPED_TRACE(answer);
    Bench b;
    b.options.heartbeat_interval = Millis{20};
    const auto lease = b.control.enqueue("stubborn");
    b.heartbeat.answer(answer);
    b.start();
    ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
    const auto before = b.heartbeat.beats().size();
    ASSERT_TRUE(eventually([&] { return b.heartbeat.beats().size() >= before + 5; }));
    b.runner.let_go();
    ASSERT_TRUE(b.finished(1));
    EXPECT_EQ(b.runner.last_reason(), CancelReason::kNone);
    b.control.enqueue("noop");
    EXPECT_TRUE(b.finished(2)) << "it still claims";
  }
}

TEST(Worker, beats_at_its_own_pace_when_it_is_asked_for_none_that_makes_sense) {
  for (const double seconds : {1e9, -1.0}) {
    Bench b;
    b.options.heartbeat_interval = Millis{20};
    b.control.ask_for_beats(seconds);
    b.start();
    EXPECT_TRUE(eventually([&] { return b.heartbeat.beats().size() >= 5; })) << seconds;
  }
}

TEST(Worker, tells_a_task_that_its_time_is_up) {
  Bench b;
  b.control.enqueue("wait", 50);
  b.start();
  ASSERT_TRUE(b.finished(1));
  EXPECT_EQ(b.runner.last_reason(), CancelReason::kDeadline);
}

TEST(Worker, announces_a_long_task_well_before_the_next_regular_beat) {
  Bench b;
  b.start(b.still);
  ASSERT_TRUE(eventually([&] { return b.heartbeat.beats().size() == 1; }));
  const auto lease = b.control.enqueue("wait");
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.still.advance(Millis{1'000});
  ASSERT_TRUE(eventually([&] { return b.heartbeat.beats().size() == 2; }));
  const auto beat = b.heartbeat.beats().back();
  ASSERT_EQ(beat.tasks.size(), 1u);
  EXPECT_TRUE(beat.tasks[0].executing);
  EXPECT_EQ(beat.tasks[0].lease.lease_id, lease.lease_id);
  EXPECT_EQ(beat.busy, 1);
}

TEST(Worker, spends_no_beats_on_short_tasks) {
  Bench b;
  b.start(b.still);
  for (int i = 0; i < 200; ++i) b.control.enqueue("noop");
  ASSERT_TRUE(b.finished(200));
  EXPECT_LE(b.heartbeat.beats().size(), 1u);
}

TEST(Worker, takes_no_task_in_advance_while_tasks_are_slow) {
  Bench b;
  b.options.concurrency = 1;
  for (int i = 0; i < 4; ++i) b.control.enqueue("slow");
  b.start();
  ASSERT_TRUE(b.finished(4));
  for (const std::uint32_t max : b.control.claim_sizes()) EXPECT_EQ(max, 1u);
}

TEST(Worker, takes_tasks_in_advance_while_tasks_are_quick) {
  Bench b;
  b.options.concurrency = 1;
  for (int i = 0; i < 100; ++i) b.control.enqueue("noop");
  b.start(b.still);
  ASSERT_TRUE(b.finished(100));
  const auto sizes = b.control.claim_sizes();
  EXPECT_GT(*std::max_element(sizes.begin(), sizes.end()), 1u);
  EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), 8u) << "batch_size";
}

TEST(Worker, pauses_and_resumes_on_request) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.set_mode(api::WorkerMode::kPaused);
  ASSERT_TRUE(eventually([&] {
    const auto before = b.control.claim_sizes().size();
    std::this_thread::yield();
    return before == b.control.claim_sizes().size();
  }));
  b.control.set_mode(api::WorkerMode::kActive);
  b.control.enqueue("noop");
  EXPECT_TRUE(b.finished(1));
}

TEST(Worker, refuses_options_that_cannot_work) {
  Bench b;
  b.options.concurrency = 0;
  worker::Worker w(b.options, b.runner, b.spool, b.heartbeat, b.clock);
  const auto status = w.start();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kConfig);
}

}  // namespace
}  // namespace skep::test
