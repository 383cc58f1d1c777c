// What a call into a plugin costs: a plain C call, the same call through the host's task object,
// and a whole task with its documents. The first two differ by what the host adds to a call.
#include <benchmark/benchmark.h>

#include "core/plugin/adapters/queue.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/task_table.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace skep;

skep_rc noop(skep_inst*, skep_call*, skep_view) { return SKEP_OK; }
const skep_task_v1 kNoop{sizeof(skep_task_v1), 0, noop};
constexpr std::string_view kRequest = R"({"task_id":"t","type":"noop","params":{}})";

void plain_call(benchmark::State& state) {
  const skep_task_v1* table = &kNoop;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table);
    benchmark::DoNotOptimize(table->run(nullptr, nullptr, {kRequest.data(), kRequest.size()}));
  }
}
BENCHMARK(plain_call);

void host_call(benchmark::State& state) {
  plugin::TaskComponent component(
      std::make_unique<plugin::InprocTarget>(&kNoop, nullptr, nullptr, "noop"),
      {"noop", {"noop", "", "1.0.0", "{}", 0}, std::nullopt, state.range(0)});
  ports::CancelToken cancel;
  const ports::TaskEvents events;
  for (auto _ : state) {
    plugin::TaskCall call("noop", 0, cancel, events);
    benchmark::DoNotOptimize(component.execute(call, kRequest));
  }
}
BENCHMARK(host_call)->ArgName("max_concurrency")->Arg(0)->Arg(8);

/// Loads the fixture "noop" and runs it like a worker does.
void whole_task(benchmark::State& state) {
  const test::TempDir staging;
  {
    plugin::Registry registry({{SKEP_BUILD_DIR "/lib/skep/test-plugins/noop"}, staging.path(), {}});
    const auto scanned = registry.scan();
    const auto tasks = registry.tasks();
    if (!scanned || !tasks || (*tasks)->types().size() != 1)
      return state.SkipWithError("the fixture noop does not load");
    ports::RunRequest request;
    request.task = {{"0190-task", 1, "lease"}, "noop", "{}", "0190-task/1/lease", 30'000};
    request.worker_id = "worker-1";
    request.site = "site-a";
    ports::CancelToken cancel;
    const ports::TaskEvents events;
    for (auto _ : state) benchmark::DoNotOptimize((*tasks)->run(request, 0, cancel, events));
  }
}
BENCHMARK(whole_task);

skep_rc no_tick(skep_inst*, skep_call*, std::int64_t, std::int64_t, std::int64_t*, skep_err*) {
  return SKEP_OK;
}

/// A call of a queue as the control role makes it: on a thread that the call may keep for good.
void component_call(benchmark::State& state) {
  skep_queue_v1 table{};
  table.size = sizeof(table);
  table.tick = no_tick;
  plugin::QueueAdapter queue(plugin::fixed_route(&table, nullptr, {}));
  for (auto _ : state) benchmark::DoNotOptimize(queue.tick(1, 1));
}
BENCHMARK(component_call)->Threads(1)->Threads(8)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
