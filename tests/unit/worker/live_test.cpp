// What changes while a worker runs: settings and task types.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/worker/bench.hpp"

namespace skep::test {
namespace {

/// Threads that run tasks: the others of a worker come and go as they like.
int slots() {
  int count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(thread.path() / "comm") >> std::ws, name);
    count += name == "skep-slot";
  }
  return count;
}

void apply(Bench& b, const std::function<void(worker::Settings&)>& change) {
  worker::Settings next = b.options;
  change(next);
  ASSERT_TRUE(b.worker->apply(next));
}

bool runs(Bench& b, int n) {
  return eventually([&] { return b.runner.running() == n; });
}

TEST(LiveWorker, takes_more_slots_at_once) {
  Bench b;
  for (int i = 0; i < 6; ++i) b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(runs(b, 2));
  apply(b, [](auto& s) { s.concurrency = 6; });
  EXPECT_TRUE(runs(b, 6));
  EXPECT_TRUE(eventually([&] { return b.control.last_registration().concurrency == 6; }));
  b.runner.let_go();
  EXPECT_TRUE(b.finished(6));
}

TEST(LiveWorker, takes_fewer_slots_without_dropping_a_task_or_keeping_a_thread) {
  Bench b;
  b.options.concurrency = 8;
  for (int i = 0; i < 8; ++i) b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(runs(b, 8));
  apply(b, [](auto& s) { s.concurrency = 2; });
  for (int i = 0; i < 4; ++i) b.control.enqueue("stubborn");
  EXPECT_EQ(b.runner.running(), 8) << "what runs goes on";
  b.runner.let_go();
  EXPECT_TRUE(b.finished(12));
  EXPECT_TRUE(eventually([] { return slots() == 2; })) << slots();
  EXPECT_EQ(b.control.released().size(), 0u);
}

TEST(LiveWorker, does_not_grow_by_going_up_and_down) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.control.registrations() >= 1; }));
  for (int i = 0; i < 20; ++i) {
    apply(b, [&](auto& s) { s.concurrency = i % 2 == 0 ? 12 : 1; });
    b.control.enqueue("noop");
  }
  ASSERT_TRUE(b.finished(20));
  apply(b, [](auto& s) { s.concurrency = 1; });
  b.control.enqueue("noop");
  ASSERT_TRUE(b.finished(21));
  for (int i = 0; i < 20; ++i) apply(b, [&](auto& s) { s.concurrency = i % 2 == 0 ? 12 : 1; });
  EXPECT_TRUE(eventually([] { return slots() <= 1; })) << slots();
}

TEST(LiveWorker, claims_by_the_new_batch_size) {
  Bench b;
  b.options.concurrency = 8;
  b.options.batch_size = 1;
  for (int i = 0; i < 8; ++i) b.control.enqueue("noop");
  b.start();
  ASSERT_TRUE(b.finished(8));
  const auto sizes = b.control.claim_sizes();
  EXPECT_EQ(*std::max_element(sizes.begin(), sizes.end()), 1u);
  apply(b, [](auto& s) { s.batch_size = 5; });
  b.control.enqueue("noop");
  EXPECT_TRUE(eventually([&] { return b.control.claim_sizes().back() == 5; }));
}

TEST(LiveWorker, beats_by_the_new_interval_at_once) {
  Bench b;
  b.options.heartbeat_interval = Millis{3'600'000};
  b.start();
  ASSERT_TRUE(eventually([&] { return !b.heartbeat.beats().empty(); }));
  apply(b, [](auto& s) { s.heartbeat_interval = Millis{20}; });
  EXPECT_TRUE(eventually([&] { return b.heartbeat.beats().size() >= 5; }));
}

TEST(LiveWorker, reserves_by_the_new_size_and_gives_back_what_it_took) {
  Bench b;
  const auto lease = b.control.enqueue("stubborn");
  b.start();
  ASSERT_TRUE(runs(b, 1));
  ASSERT_TRUE(eventually([&] { return b.spool.reserved() >= 1000; }));
  apply(b, [](auto& s) { s.result_reserve_bytes = 77; });
  b.control.enqueue("noop");
  b.runner.let_go();
  ASSERT_TRUE(b.finished(2));
  EXPECT_TRUE(eventually([&] { return b.spool.reserved() % 77 == 0; })) << b.spool.reserved();
  b.worker->drain();
  EXPECT_EQ(b.spool.reserved(), 0);
}

TEST(LiveWorker, drains_by_the_new_time) {
  Bench b;
  b.options.drain = Millis{3'600'000};
  b.control.enqueue("wait");
  b.start();
  ASSERT_TRUE(runs(b, 1));
  apply(b, [](auto& s) { s.drain = Millis{1}; });
  EXPECT_EQ(b.worker->drain().interrupted, 1);
}

TEST(LiveWorker, registers_new_capabilities_and_refuses_settings_that_cannot_work) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  apply(b, [](auto& s) { s.capabilities["gpu"] = true; });
  EXPECT_TRUE(
      eventually([&] { return b.control.last_registration().capabilities.contains("gpu"); }));
  worker::Settings wrong = b.options;
  wrong.concurrency = 0;
  EXPECT_FALSE(b.worker->apply(wrong));
}

TEST(LiveWorker, registers_when_its_types_change_while_a_claim_waits) {
  Bench b;
  b.options.claim_hold = Millis{600'000};
  b.start();
  ASSERT_TRUE(eventually([&] { return !b.control.claim_sizes().empty(); }));
  b.runner.set_timeout("new-one", 0);
  const auto knows = [&] {
    const auto types = b.control.last_registration().types;
    return std::any_of(types.begin(), types.end(),
                       [](const auto& t) { return t.name == "new-one"; });
  };
  EXPECT_TRUE(eventually(knows));
  EXPECT_EQ(b.control.claim_sizes().size(), 1u) << "the claim was not cut";
}

TEST(LiveWorker, goes_by_the_new_default_timeout_of_a_type) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  const int before = b.control.registrations();
  b.runner.set_timeout("wait", 30);
  ASSERT_TRUE(eventually([&] { return b.control.registrations() > before; }));
  b.control.enqueue("wait");
  ASSERT_TRUE(b.finished(1));
  EXPECT_EQ(b.runner.last_reason(), ports::CancelReason::kDeadline);
}

TEST(LiveWorker, tells_of_changes_that_came_while_it_was_cut_off) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  b.control.set_away(true);
  b.runner.set_timeout("new-one", 0);
  b.runner.set_timeout("newer", 0);
  b.control.set_away(false);
  EXPECT_TRUE(eventually([&] { return b.control.last_registration().types.size() == 11; }));
}

TEST(LiveWorker, says_once_why_it_is_not_registered_again) {
  Bench b;
  b.start();
  ASSERT_TRUE(eventually([&] { return b.worker->registered(); }));
  testing::internal::CaptureStderr();
  b.control.refuse(Code::kInvalid);
  b.runner.set_timeout("new-one", 0);
  EXPECT_TRUE(eventually([&] { return b.control.refused_registrations() >= 2; }));
  b.control.refuse({});
  EXPECT_TRUE(eventually([&] { return b.control.last_registration().types.size() == 12; }));
  b.worker->drain();
  const std::string log = testing::internal::GetCapturedStderr();
  const auto at = log.find("worker_not_registered_again");
  ASSERT_NE(at, std::string::npos) << log;
  EXPECT_EQ(log.find("worker_not_registered_again", at + 1), std::string::npos) << log;
}

}  // namespace
}  // namespace skep::test
