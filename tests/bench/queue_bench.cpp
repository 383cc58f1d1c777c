// Throughput of the SQLite queue with synchronous = FULL, through the plugin's ABI table.
#include <benchmark/benchmark.h>

#include <atomic>
#include <stdexcept>

#include "tests/support/sqlite_components.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

const std::string kParams = R"({"script":")" + std::string(180, 'x') + "\"}";

std::vector<model::Task> make_tasks(const std::string& prefix, int n) {
  std::vector<model::Task> out(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    model::Task& task = out[static_cast<std::size_t>(i)];
    task.id = prefix + "-" + std::to_string(i);
    task.spec.type = "t";
    task.spec.params = kParams;
  }
  return out;
}

template <class T>
T must(Result<T> r) {
  if (!r) throw std::runtime_error(r.error().message);
  return std::move(*r);
}

struct Bench {
  TempDir dir;
  std::unique_ptr<ports::Queue> queue{must(open_sqlite_queue(sqlite_config(dir.file("q.db"))))};
  std::int64_t completed = 0;
  ports::ClaimFilter filter{{"w1", "boot", "site-a", {}, {"t"}}, 100, 90'000};

  void fill(const std::string& prefix, int n, const std::string& site = "") {
    for (int done = 0; done < n; done += 500) {
      auto tasks = make_tasks(prefix + std::to_string(done), std::min(500, n - done));
      for (auto& t : tasks) t.spec.site = site;
      must(queue->enqueue(1, tasks));
    }
  }
  void claim_and_complete(benchmark::State& state) {
    const auto claimed = must(queue->claim(2, filter));
    if (claimed.empty()) return state.SkipWithError("the queue ran empty");
    std::vector<ports::ResultRecord> results;
    for (const auto& t : claimed) {
      ports::ResultRecord r;
      r.lease = {t.id, t.attempt, t.lease_id};
      r.idempotency_key = model::result_key(r.lease);
      r.body_sha256 = std::string(64, 'a');
      r.worker_id = "w1";
      r.outcome.kind = model::OutcomeKind::kSucceeded;
      r.outcome.result = R"({"exit_code":0})";
      results.push_back(std::move(r));
    }
    must(queue->complete(3, results));
    completed += static_cast<std::int64_t>(claimed.size());
  }
};

void enqueue_batches_of_500(benchmark::State& state) {
  Bench b;
  int round = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto tasks = make_tasks("r" + std::to_string(round++), 500);
    state.ResumeTiming();
    must(b.queue->enqueue(1, tasks));
  }
  state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(enqueue_batches_of_500)->UseRealTime()->MinTime(2);

void claim_100_complete_100(benchmark::State& state) {
  Bench b;
  b.fill("f", 60'000);
  if (state.range(0) > 0) b.fill("other", static_cast<int>(state.range(0)), "elsewhere");
  for (auto _ : state) b.claim_and_complete(state);
  state.SetItemsProcessed(b.completed);
}
BENCHMARK(claim_100_complete_100)
    ->ArgName("queued_elsewhere")
    ->Arg(0)
    ->Arg(100'000)
    ->Iterations(500)
    ->UseRealTime();

void empty_claim_beside_100000(benchmark::State& state) {
  Bench b;
  b.fill("other", 100'000, "elsewhere");
  for (auto _ : state) benchmark::DoNotOptimize(must(b.queue->claim(2, b.filter)));
}
BENCHMARK(empty_claim_beside_100000)->UseRealTime();

std::unique_ptr<Bench> shared;
std::atomic<int> round_of_threads = 0;

void enqueue_one_by_one(benchmark::State& state) {
  if (state.thread_index() == 0) shared = std::make_unique<Bench>();
  const std::string prefix = "x" + std::to_string(round_of_threads++);
  int i = 0;
  for (auto _ : state) {
    const auto tasks = make_tasks(prefix + "-" + std::to_string(i++), 1);
    must(shared->queue->enqueue(1, tasks));
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) shared.reset();
}
BENCHMARK(enqueue_one_by_one)->Threads(1)->Threads(8)->Threads(32)->UseRealTime();

}  // namespace
}  // namespace skep::test

BENCHMARK_MAIN();
