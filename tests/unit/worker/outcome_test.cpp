// What becomes of an attempt's end: in a shutdown, and when the spool is full.
#include <gtest/gtest.h>
#include <poll.h>

#include <mutex>

#include "core/worker/executor.hpp"
#include "core/worker/reporter.hpp"
#include "tests/support/memory_spool.hpp"
#include "tests/unit/worker/scripted_control.hpp"

namespace skep::test {
namespace {

model::ClaimedTask claimed(const std::string& id) {
  model::ClaimedTask task;
  task.lease = {id, 1, "lease-" + id};
  task.type = "any";
  return task;
}

/// Runs until it is cancelled, and ends as it was going to end anyway.
class Deaf final : public ports::TaskRunner {
 public:
  explicit Deaf(model::OutcomeKind kind) : kind_(kind) {}
  model::Outcome run(const ports::RunRequest&, MonoMs, ports::CancelToken& cancel,
                     const ports::TaskEvents&) override {
    pollfd p{cancel.fd(), POLLIN, 0};
    ::poll(&p, 1, -1);
    model::Outcome outcome;
    outcome.kind = kind_;
    return outcome;
  }
  std::vector<ports::TaskType> types() const override { return {}; }

 private:
  const model::OutcomeKind kind_;
};

class Heard final : public worker::AttemptListener {
 public:
  void output(const model::Lease&, std::string_view, std::string_view) override {}
  void finished(const model::ClaimedTask& task, const model::Outcome& outcome) override {
    const std::scoped_lock lock(mutex_);
    ends_.push_back(task.lease.task_id + " " + std::string(model::to_string(outcome.kind)));
  }
  void dropped(const model::ClaimedTask& task) override {
    const std::scoped_lock lock(mutex_);
    ends_.push_back(task.lease.task_id + " dropped");
  }
  std::vector<std::string> ends() const {
    const std::scoped_lock lock(mutex_);
    return ends_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> ends_;
};

/// How one attempt ends that `reason` interrupts, and what of it is given back.
std::pair<std::vector<std::string>, std::size_t> interrupted(model::OutcomeKind kind,
                                                             ports::CancelReason reason) {
  Deaf runner(kind);
  SystemClock clock;
  Heard heard;
  worker::Executor executor({"w1", "site-a", 1, 1, {}}, runner, clock, heard);
  executor.submit({claimed("t1")});
  EXPECT_TRUE(eventually([&] { return executor.load().busy == 1; }));
  executor.cancel_running(reason);
  // Heard of is not yet over: a slot that still runs at stop() is left behind.
  EXPECT_TRUE(executor.wait_idle(clock.mono_ms() + 60'000, [] { return false; }));
  EXPECT_EQ(executor.stop(), 0);
  return {heard.ends(), executor.take_interrupted().size()};
}

TEST(Executor, keeps_what_succeeded_while_it_was_told_to_stop) {
  using enum model::OutcomeKind;
  const auto stopped = [](model::OutcomeKind kind) {
    return interrupted(kind, ports::CancelReason::kShutdown);
  };
  using Ends = std::pair<std::vector<std::string>, std::size_t>;
  EXPECT_EQ(stopped(kSucceeded), (Ends{{"t1 succeeded"}, 0})) << "it would run again";
  EXPECT_EQ(stopped(kCancelled), (Ends{{"t1 dropped"}, 1}));
  EXPECT_EQ(interrupted(kCancelled, ports::CancelReason::kUser), (Ends{{"t1 cancelled"}, 0}));
}

class ReporterTest : public testing::Test {
 protected:
  using Sent = std::vector<worker::PendingEnvelope>;
  Sent sent() const {
    const std::scoped_lock lock(mutex_);
    return sent_;
  }

  SystemClock clock_;
  MemorySpool spool_{{4'000, 1'000}};
  worker::SpoolReserve reserve_{spool_, 4'000};  // all of it
  worker::Reporter reporter_{
      {{"w1", "i1", "site-a"}, Millis{600'000}}, spool_, reserve_, clock_, [this](Sent batch) {
        const std::scoped_lock lock(mutex_);
        std::move(batch.begin(), batch.end(), std::back_inserter(sent_));
      }};

 private:
  mutable std::mutex mutex_;
  Sent sent_;
};

TEST_F(ReporterTest, output_gives_way_to_results_in_a_full_spool) {
  const auto task = claimed("t1");
  ASSERT_TRUE(reserve_.take(1));
  reporter_.output(task.lease, "stdout", "much");
  reporter_.finished(task, {model::OutcomeKind::kSucceeded, "{}"});
  reporter_.start();
  ASSERT_TRUE(eventually([&] { return !sent().empty() || !reporter_.trouble().empty(); }));
  EXPECT_EQ(reporter_.trouble(), "") << "the output holds up the result";
  ASSERT_EQ(sent().size(), 1u);
  EXPECT_TRUE(sent()[0].is_result());
  EXPECT_EQ(spool_.kept(), 1u);
  EXPECT_EQ(spool_.reserved(), 0);
}

TEST(SpoolReserve, takes_as_many_portions_as_there_is_room_for) {
  MemorySpool spool({1'000, 100});
  worker::SpoolReserve reserve(spool, 300);
  const auto first = reserve.take(2);
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, 2);
  const auto rest = reserve.take(5);
  ASSERT_TRUE(rest);
  EXPECT_EQ(*rest, 1);
  EXPECT_FALSE(reserve.take(1));
  EXPECT_EQ(spool.reserved(), 900);
  for (int i = 0; i < 3; ++i) reserve.give_back();
  EXPECT_EQ(spool.reserved(), 0);
}

}  // namespace
}  // namespace skep::test
