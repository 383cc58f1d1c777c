#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "tests/unit/worker/bench.hpp"

namespace skep::test {
namespace {

MonoMs took(const std::function<void()>& body) {
  const SystemClock clock;
  const MonoMs start = clock.mono_ms();
  body();
  return clock.mono_ms() - start;
}

TEST(Drain, of_an_idle_worker_is_quick_and_says_goodbye) {
  Bench b;
  b.options.claim_hold = Millis{600'000};
  b.start();
  ASSERT_TRUE(
      eventually([&] { return b.worker->registered() && !b.control.claim_sizes().empty(); }));
  worker::DrainReport report;
  EXPECT_LT(took([&] { report = b.worker->drain(); }), 120'000) << "the claim was awaited";
  EXPECT_TRUE(report.graceful);
  EXPECT_EQ(report.exit_code, 0);
  ASSERT_FALSE(b.heartbeat.beats().empty());
  EXPECT_TRUE(b.heartbeat.beats().back().draining);
  EXPECT_EQ(b.spool.reserved(), 0);
}

TEST(Drain, lets_short_tasks_end_interrupts_long_ones_and_gives_back_the_rest) {  // Q18
  Bench b;
  b.options.concurrency = 8;
  b.options.drain = Millis{1'000};
  b.options.cancel_grace = std::chrono::hours(10'000);
  std::vector<std::string> long_ones;
  for (int i = 0; i < 4; ++i) b.control.enqueue("slow");
  for (int i = 0; i < 4; ++i) long_ones.push_back(b.control.enqueue("wait").task_id);
  b.start(b.still);
  ASSERT_TRUE(eventually([&] { return b.runner.most_running() >= 8; }));
  worker::DrainReport report;
  std::atomic<bool> drained{false};
  std::jthread drain([&] {
    report = b.worker->drain();
    drained = true;
  });
  EXPECT_TRUE(eventually([&] { return b.worker->load().busy == 4; }));
  EXPECT_TRUE(eventually([&] {
    b.still.advance(b.options.drain);
    return drained.load();
  }));
  drain.join();
  EXPECT_FALSE(report.graceful);
  EXPECT_EQ(report.interrupted, 4);
  EXPECT_EQ(report.abandoned, 0);
  EXPECT_EQ(b.control.finished().size(), 4u);
  std::vector<std::string> released;
  for (const auto& lease : b.control.released()) released.push_back(lease.task_id);
  std::sort(released.begin(), released.end());
  EXPECT_EQ(released, long_ones) << "handed back, with no result of their own";
  EXPECT_EQ(b.spool.kept(), 0u);
  EXPECT_EQ(b.spool.reserved(), 0);
}

TEST(Drain, says_that_it_takes_no_tasks_while_one_runs) {
  Bench b;
  b.control.enqueue("stubborn");
  b.start(b.still);
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  EXPECT_TRUE(b.worker->troubles().empty());
  std::jthread drain([&] { b.worker->drain(); });
  const std::vector<std::string> stopping{"it is stopping"};
  EXPECT_TRUE(eventually([&] {
    const auto beats = b.heartbeat.beats();
    return !beats.empty() && beats.back().troubles == stopping && !beats.back().draining &&
           beats.back().tasks.size() == 1;
  })) << "none of the regular beats is due";
  EXPECT_EQ(b.worker->troubles(), stopping);
  b.runner.let_go();
  drain.join();
  EXPECT_TRUE(b.heartbeat.beats().back().draining);
}

TEST(Drain, gives_back_tasks_that_were_taken_in_advance) {
  Bench b;
  b.options.concurrency = 1;
  for (int i = 0; i < 20; ++i) b.control.enqueue("noop");
  b.start(b.still);
  ASSERT_TRUE(b.finished(20));  // quick: it prefetches from here on
  b.control.enqueue("wait");
  for (int i = 0; i < 3; ++i) b.control.enqueue("noop");
  ASSERT_TRUE(eventually([&] { return b.worker->load().waiting == 3; }));
  const auto report = b.worker->drain(worker::StopKind::kNow);
  EXPECT_EQ(report.interrupted, 1);
  EXPECT_EQ(b.control.released().size(), 4u);
  EXPECT_EQ(b.control.finished().size(), 20u);
}

TEST(Drain, ends_within_two_seconds_of_a_second_signal) {  // Q19
  Bench b;
  const auto lease = b.control.enqueue("wait");
  b.start(b.still);  // nobody is left behind for being slow to notice
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  worker::DrainReport report;
  std::thread drain([&] { report = b.worker->drain(); });
  b.worker->hurry();
  drain.join();  // the drain alone would wait for the clock
  EXPECT_EQ(report.interrupted, 1);
  ASSERT_EQ(b.control.released().size(), 1u);
  EXPECT_EQ(b.control.released()[0].lease_id, lease.lease_id);
}

TEST(Drain, keeps_results_on_disk_when_the_control_plane_is_away) {
  Bench b;
  b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.control.set_away(true);
  b.runner.let_go();
  const auto report = b.worker->drain();
  EXPECT_TRUE(report.graceful);
  EXPECT_EQ(report.spooled, 1);
  EXPECT_EQ(b.spool.kept(), 1u);
}

TEST(Drain, names_the_tasks_whose_results_nobody_takes) {
  Bench b;
  const auto lease = b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.spool.fail_puts(Code::kNoMemory);
  b.control.set_away(true);
  b.runner.let_go();
  ASSERT_TRUE(eventually([&] { return b.worker->load().busy == 0; }));
  ::testing::internal::CaptureStderr();
  b.worker->hurry();
  const auto report = b.worker->drain();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_FALSE(report.graceful);
  EXPECT_EQ(report.lost, 1);
  EXPECT_NE(said.find(lease.task_id), std::string::npos) << said;
}

TEST(Drain, tries_until_its_time_is_over_to_save_a_result_that_nobody_takes) {
  for (const bool spool_first : {false, true}) {
    Bench b;
    b.control.enqueue("stubborn");
    b.start();
    ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
    b.spool.fail_puts(Code::kNoMemory);
    b.control.set_away(true);
    b.runner.let_go();
    worker::DrainReport report;
    std::jthread drain([&] { report = b.worker->drain(); });
    ASSERT_TRUE(eventually([&] { return b.control.submissions() > 0; })) << "the last resort";
    if (spool_first)
      b.spool.fail_puts(std::nullopt);
    else
      b.control.set_away(false);
    drain.join();
    EXPECT_TRUE(report.graceful);
    EXPECT_EQ(report.lost, 0);
    EXPECT_EQ(b.control.finished().size() + b.spool.kept(), 1u);
  }
}

TEST(Drain, renews_the_leases_of_results_that_it_tries_to_save) {
  Bench b;
  b.options.heartbeat_interval = Millis{10};
  const auto lease = b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.spool.fail_puts(Code::kNoMemory);
  b.control.set_away(true);
  b.runner.let_go();
  std::jthread drain([&] { b.worker->drain(); });
  ASSERT_TRUE(eventually([&] { return b.control.submissions() > 0; })) << "the last resort";
  const std::size_t before = b.heartbeat.beats().size();
  EXPECT_TRUE(eventually([&] {
    const auto beats = b.heartbeat.beats();
    return beats.size() > before + 1 && beats.back().tasks.size() == 1 &&
           beats.back().tasks[0].lease.lease_id == lease.lease_id;
  }));
  b.control.set_away(false);
  drain.join();
  EXPECT_TRUE(b.heartbeat.beats().back().tasks.empty()) << "its goodbye";
}

TEST(Drain, sends_results_that_the_spool_refuses_as_a_last_resort) {
  Bench b;
  b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 1; }));
  b.spool.fail_puts(Code::kUnavailable);
  b.runner.let_go();
  ASSERT_TRUE(eventually([&] { return b.runner.running() == 0; }));
  b.worker->hurry();
  b.worker->drain();
  EXPECT_EQ(b.control.finished().size(), 1u);
}

}  // namespace
}  // namespace skep::test
