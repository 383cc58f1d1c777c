#include "core/worker/executor.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "core/base/mutex.hpp"

namespace skep::worker {
namespace {

/// Every task fails for this cause.
class FailingRunner final : public ports::TaskRunner {
 public:
  explicit FailingRunner(model::Cause cause) : cause_(cause) {}
  model::Outcome run(const ports::RunRequest&, MonoMs, ports::CancelToken&,
                     const ports::TaskEvents&) override {
    model::Outcome out;
    out.error = R"({"code":"failed","message":"script was ended by SIGTERM"})";
    out.cause = cause_;
    return out;
  }
  std::vector<ports::TaskType> types() const override { return {}; }

 private:
  const model::Cause cause_;
};

class Ends final : public AttemptListener {
 public:
  void output(const model::Lease&, std::string_view, std::string_view) override {}
  void finished(const model::ClaimedTask&, const model::Outcome&) override { note("finished"); }
  void dropped(const model::ClaimedTask&) override { note("dropped"); }

  std::string first() {
    MutexLock lock(mutex_);
    while (first_.empty()) ended_.wait(lock);
    return first_;
  }

 private:
  void note(std::string_view how) {
    const MutexLock lock(mutex_);
    first_ = how;
    ended_.notify_all();
  }
  Mutex mutex_;
  CondVar ended_;
  std::string first_ SKEP_GUARDED_BY(mutex_);
};

/// How its one attempt ended, once nothing runs: an executor must not go while something does.
std::string end_of(Executor& executor, Ends& ends) {
  const std::string end = ends.first();
  EXPECT_TRUE(executor.wait_idle(SystemClock().mono_ms() + 600'000, [] { return false; }));
  return end;
}

ExecutorOptions with_moment(Millis moment) {
  ExecutorOptions options;
  options.worker_id = "w1";
  options.site = "site-a";
  options.moment = moment;
  return options;
}

std::vector<model::ClaimedTask> one_task() { return {{{"t1", 1, "l1"}, "any", "{}", "", 0}}; }

TEST(Executor, hands_back_what_a_signal_ended_while_the_node_is_told_to_stop) {
  FailingRunner runner(model::Cause::kSignal);
  SystemClock clock;
  Ends ends;
  Executor executor(with_moment(std::chrono::hours(1)), runner, clock, ends);
  executor.submit(one_task());
  executor.close();
  EXPECT_EQ(end_of(executor, ends), "dropped");
  const auto interrupted = executor.take_interrupted();
  ASSERT_EQ(interrupted.size(), 1u);
  EXPECT_EQ(interrupted[0].task_id, "t1");
  EXPECT_EQ(executor.load().errors, 0);
}

/// Succeeds once it is told to stop.
class LateRunner final : public ports::TaskRunner {
 public:
  model::Outcome run(const ports::RunRequest&, MonoMs, ports::CancelToken& cancel,
                     const ports::TaskEvents&) override {
    pollfd told{cancel.fd(), POLLIN, 0};
    while (::poll(&told, 1, -1) < 0) {
    }
    model::Outcome out;
    out.kind = model::OutcomeKind::kSucceeded;
    return out;
  }
  std::vector<ports::TaskType> types() const override { return {}; }
};

TEST(Executor, keeps_a_success_that_came_while_the_node_shut_down) {  // M7
  LateRunner runner;
  SystemClock clock;
  Ends ends;
  Executor executor(with_moment(Millis{0}), runner, clock, ends);
  executor.submit(one_task());
  while (executor.load().busy == 0) std::this_thread::yield();
  executor.close();
  executor.cancel_running(ports::CancelReason::kShutdown);
  EXPECT_EQ(end_of(executor, ends), "finished");
  EXPECT_TRUE(executor.take_interrupted().empty());
}

TEST(Executor, lets_a_signal_fail_a_task_when_nobody_stops_the_node) {
  FailingRunner runner(model::Cause::kSignal);
  SystemClock clock;
  Ends ends;
  Executor executor(with_moment(Millis{0}), runner, clock, ends);
  executor.submit(one_task());
  EXPECT_EQ(end_of(executor, ends), "finished");
}

TEST(Executor, lets_a_task_fail_by_itself_while_the_node_is_told_to_stop) {
  FailingRunner runner(model::Cause::kTask);
  SystemClock clock;
  Ends ends;
  Executor executor(with_moment(std::chrono::hours(1)), runner, clock, ends);
  executor.close();
  executor.submit(one_task());
  EXPECT_EQ(end_of(executor, ends), "finished");
}

}  // namespace
}  // namespace skep::worker
