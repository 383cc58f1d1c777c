// Several threads on one queue.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "tests/conformance/queue_suite.hpp"

namespace skep::test {
namespace {

using enum model::TaskState;
using model::Verdict;
using ports::LeaseVerdict;
using QueueConcurrency = QueueSuite;

template <class Body>
void in_threads(int n, Body body) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back([&body, i] { body(i); });
}

TEST_P(QueueConcurrency, claims_each_task_once) {  // Q1
  constexpr int kTasks = 2'000;
  std::vector<model::Task> tasks;
  for (int i = 0; i < kTasks; ++i) tasks.push_back(new_task("t" + std::to_string(i)));
  enqueue(tasks);
  std::mutex mutex;
  std::multiset<std::string> seen;
  in_threads(4, [&](int i) {
    const model::WorkerProfile by = worker("w" + std::to_string(i));
    for (;;) {
      const auto got = must(q().claim(now, {by, 16, kLease}));
      if (got.empty()) return;
      std::vector<ports::ResultRecord> results;
      for (const auto& t : got) results.push_back(success(t));
      const auto verdicts = must(q().complete(now, results));
      const std::lock_guard lock(mutex);
      for (std::size_t k = 0; k < got.size(); ++k) {
        EXPECT_EQ(got[k].attempt, 1);
        EXPECT_EQ(verdicts[k], Verdict::kApplied);
        seen.insert(got[k].id);
      }
    }
  });
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kTasks));
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(),
            static_cast<std::size_t>(kTasks));
  EXPECT_EQ(completions(0, 10'000).size(), static_cast<std::size_t>(kTasks));
}

TEST_P(QueueConcurrency, applies_one_of_many_copies_of_a_result) {  // Q6
  const model::Task t = claimed("a");
  std::atomic<int> applied = 0;
  std::atomic<int> duplicate = 0;
  in_threads(8, [&](int) {
    for (int k = 0; k < 6; ++k) {
      const Verdict v = complete(success(t));
      applied += v == Verdict::kApplied ? 1 : 0;
      duplicate += v == Verdict::kDuplicate ? 1 : 0;
    }
  });
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(duplicate, 47);
  EXPECT_EQ(completions().size(), 1u);
}

TEST_P(QueueConcurrency, ends_a_task_once_when_cancel_races_its_result) {  // Q26
  for (int i = 0; i < 100; ++i) {
    const model::Task t = claimed("a" + std::to_string(i));
    Verdict verdict{};
    LeaseVerdict cancelled{};
    in_threads(2, [&](int who) {
      if (who == 0)
        verdict = complete(success(t));
      else
        cancelled = must(q().cancel(now, t.id, "{}"));
    });
    const bool result_won = verdict == Verdict::kApplied;
    ASSERT_EQ(cancelled, result_won ? LeaseVerdict::kLost : LeaseVerdict::kHeld);
    ASSERT_EQ(verdict, result_won ? Verdict::kApplied : Verdict::kSuperseded);
    ASSERT_EQ(state_of(t.id), result_won ? kSucceeded : kCancelled);
    ASSERT_EQ(completions().size(), static_cast<std::size_t>(i + 1));
  }
}

TEST_P(QueueConcurrency, keeps_good_writes_apart_from_refused_ones) {
  std::atomic<int> refused = 0;
  in_threads(6, [&](int who) {
    for (int k = 0; k < 30; ++k) {
      model::Task task = new_task("w" + std::to_string(who) + "-" + std::to_string(k));
      if (who == 0) task.spec.priority = 99;
      refused += q().enqueue(now, {&task, 1}) ? 0 : 1;
    }
  });
  EXPECT_EQ(refused, 30);
  ports::TaskQuery all;
  all.limit = 1'000;
  EXPECT_EQ(must(q().read(all)).size(), 150u);
}

INSTANTIATE_TEST_SUITE_P(Backends, QueueConcurrency, testing::ValuesIn(queue_backends()),
                         backend_name);

}  // namespace
}  // namespace skep::test
