// Several threads on one queue.
#include <atomic>
#include <set>

#include "core/base/mutex.hpp"
#include "core/conformance/in_threads.hpp"
#include "core/conformance/queue_bench.hpp"
#include "core/conformance/queue_cases.hpp"

namespace skep::conformance {
namespace {

using enum model::TaskState;
using model::Verdict;
using ports::LeaseVerdict;

SKEP_KIT_CASE(QueueBench, claims_each_task_once) {  // Q1
  constexpr int kTasks = 2'000;
  std::vector<model::Task> tasks;
  for (int i = 0; i < kTasks; ++i) tasks.push_back(new_task("t" + std::to_string(i)));
  enqueue(tasks);
  Mutex mutex;
  std::multiset<std::string> seen;
  in_threads(4, [&](int i) {
    const model::WorkerProfile by = worker("w" + std::to_string(i));
    for (;;) {
      const auto got = must(q().claim(now, {by, 16, kLease}));
      if (got.empty()) return;
      std::vector<ports::ResultRecord> results;
      for (const auto& t : got) results.push_back(success(t));
      const auto verdicts = must(q().complete(now, results));
      const MutexLock lock(mutex);
      for (std::size_t k = 0; k < got.size(); ++k) {
        KIT_EQ(got[k].attempt, 1);
        KIT_EQ(verdicts[k], Verdict::kApplied);
        seen.insert(got[k].id);
      }
    }
  });
  KIT_EQ(seen.size(), static_cast<std::size_t>(kTasks));
  KIT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), static_cast<std::size_t>(kTasks));
  KIT_EQ(completions(0, 10'000).size(), static_cast<std::size_t>(kTasks));
}

SKEP_KIT_CASE(QueueBench, applies_one_of_many_copies_of_a_result) {  // Q6
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
  KIT_EQ(applied, 1);
  KIT_EQ(duplicate, 47);
  KIT_EQ(completions().size(), 1u);
}

SKEP_KIT_CASE(QueueBench, ends_a_task_once_when_cancel_races_its_result) {  // Q26
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
    KIT_EQ(cancelled, result_won ? LeaseVerdict::kLost : LeaseVerdict::kHeld);
    KIT_EQ(verdict, result_won ? Verdict::kApplied : Verdict::kSuperseded);
    KIT_EQ(state_of(t.id), result_won ? kSucceeded : kCancelled);
    KIT_EQ(completions().size(), static_cast<std::size_t>(i + 1));
  }
}

SKEP_KIT_CASE(QueueBench, keeps_good_writes_apart_from_refused_ones) {
  std::atomic<int> refused = 0;
  in_threads(6, [&](int who) {
    for (int k = 0; k < 30; ++k) {
      model::Task task = new_task("w" + std::to_string(who) + "-" + std::to_string(k));
      if (who == 0) task.spec.priority = 99;
      refused += q().enqueue(now, {&task, 1}) ? 0 : 1;
    }
  });
  KIT_EQ(refused, 30);
  ports::TaskQuery all;
  all.limit = 1'000;
  KIT_EQ(must(q().read(all)).size(), 150u);
}

}  // namespace

Cases<ports::Queue> queue_concurrency_cases() {
  static constexpr KindCase<ports::Queue> kCases[] = {
      SKEP_KIT_ENTRY(claims_each_task_once), SKEP_KIT_ENTRY(applies_one_of_many_copies_of_a_result),
      SKEP_KIT_ENTRY(ends_a_task_once_when_cancel_races_its_result),
      SKEP_KIT_ENTRY(keeps_good_writes_apart_from_refused_ones)};
  return kCases;
}

}  // namespace skep::conformance
