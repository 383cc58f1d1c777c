// Tier contract: what a task owes its host.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/conformance/plugin_under_test.hpp"
#include "core/conformance/shared_break.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::conformance {
namespace {

using State = Instance::State;

constexpr MonoMs kBeforeCancel = 100;
/// What the machine may take beyond the plugin's own grace.
constexpr MonoMs kSlack = 250;
constexpr int kCallers = 8;
constexpr int kCallsEach = 8;
/// Bytes that no reader of a shorter table may look at.
constexpr std::size_t kUnknownTail = 64;

FakeCall new_call() { return FakeCall(skep_fake_call_new()); }

const skep_fake_result* run_plain(Subject& s, Instance& instance, skep_fake_call* call) {
  const std::string request = request_json(s);
  return run_task(instance, call, {request.data(), request.size()});
}

std::string_view bytes_of(const void* object, std::size_t size) {
  return {static_cast<const char*>(object), size};
}

/// The table with `tail` bytes of rubbish behind what its size member now says.
template <class Table>
std::string lengthened(const Table& table, std::size_t tail) {
  std::string bytes(bytes_of(&table, sizeof(Table)));
  bytes.append(tail, '\xa5');
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &size, sizeof(size));
  return bytes;
}

void run_with_tables(Subject& s, std::size_t tail) {
  const FakeHost fake(skep_fake_host_new());
  const GuardedBytes host_bytes(lengthened(*skep_fake_host_handle(fake.get()), tail));
  const auto* host = static_cast<const skep_host*>(host_bytes.data());
  skep_fake_host_lend(fake.get(), host);
  Instance instance(s, State::kStarted, host);
  const FakeCall call = new_call();
  const GuardedBytes ops_bytes(lengthened(*skep_fake_call_handle(call.get())->ops, tail));
  skep_fake_call_lend(call.get(), static_cast<const skep_call_ops*>(ops_bytes.data()));
  run_plain(s, instance, call.get());
  instance.end();
}

MonoMs grace_of(const Subject& s) { return s.component->cancel_grace_ms + kSlack; }

/// The least of what some tries took: a busy machine makes one of them late, a deaf plugin each.
MonoMs least(const Subject& s, const std::function<MonoMs()>& try_once) {
  constexpr int kTries = 4;
  MonoMs out = try_once();
  for (int i = 1; i < kTries && out > grace_of(s); ++i) out = std::min(out, try_once());
  return out;
}

[[noreturn]] void too_late(const Subject& s, const std::string& after, MonoMs took) {
  throw Broken("ended " + std::to_string(took) + " ms after its " + after + "; the manifest says " +
                   std::to_string(s.component->cancel_grace_ms),
               "look at call.cancelled() more often, wait with call.wait_until() or on "
               "call.cancel_fd(), or raise cancel_grace_ms");
}

/// How long after its cancellation a call ended; -1 when it ended before.
MonoMs cancel_latency(Subject& s, Instance& instance) {
  const FakeCall call = new_call();
  std::atomic<MonoMs> cancelled_at = 0;
  Mutex mutex;
  StoppableCondVar ended;
  std::jthread canceller([&](const std::stop_token& stop) {
    MutexLock lock(mutex);
    const auto until = std::chrono::steady_clock::now() + Millis(kBeforeCancel);
    while (ended.wait_until(lock, stop, until)) continue;
    if (stop.stop_requested()) return;
    cancelled_at = proc::monotonic_ms();
    skep_fake_call_cancel(call.get(), SKEP_CANCEL_USER);
  });
  run_plain(s, instance, call.get());
  const MonoMs now = proc::monotonic_ms();
  canceller.request_stop();
  canceller.join();
  return cancelled_at == 0 ? -1 : now - cancelled_at;
}

}  // namespace

void contract_result(Subject& s) {
  Instance instance(s, State::kStarted);
  const FakeCall call = new_call();
  const auto* r = run_plain(s, instance, call.get());
  if (r->rc < 0)
    s.remark = "failed with \"" + std::string(r->message) +
               "\"; --params '{..}' that work make the other tests say more";
  if (r->permille > 1000)
    throw Broken("progress() was called with " + std::to_string(r->permille),
                 "progress goes from 0 to 1000");
  instance.end();
}

void contract_views(Subject& s) {
  GuardedBytes config(s.config);
  Loaded plugin(s);
  must(plugin.open(), "open()");
  skep_inst* inst = nullptr;
  must(plugin.create(s.component->name, config.view(), &inst), "create()");
  config.poison();
  must(plugin.start(inst), "start()");
  const auto* task =
      static_cast<const skep_task_v1*>(plugin.iface(s.component->name, s.component->kind));
  if (task == nullptr) throw Skipped("there is no table, see lifecycle.interfaces");
  for (int i = 0; i < 3; ++i) {
    GuardedBytes request(request_json(s, "kit-" + std::to_string(i)));
    const FakeCall call = new_call();
    step("run(), with the views of create() and of earlier runs gone");
    task->run(inst, skep_fake_call_handle(call.get()), request.view());
    request.poison();
  }
  must(plugin.stop(inst), "stop()");
  plugin.destroy(inst);
}

void contract_short_tables(Subject& s) { run_with_tables(s, 0); }
void contract_long_tables(Subject& s) { run_with_tables(s, kUnknownTail); }

void contract_cancelled_before(Subject& s) {
  Instance instance(s, State::kStarted);
  const MonoMs took = least(s, [&] {
    const FakeCall call = new_call();
    skep_fake_call_cancel(call.get(), SKEP_CANCEL_USER);
    const MonoMs begin = proc::monotonic_ms();
    run_plain(s, instance, call.get());
    return proc::monotonic_ms() - begin;
  });
  if (took > grace_of(s)) too_late(s, "start, though it was cancelled before,", took);
}

void contract_cancel_latency(Subject& s) {
  Instance instance(s, State::kStarted);
  const MonoMs took = least(s, [&] { return cancel_latency(s, instance); });
  if (took > grace_of(s)) too_late(s, "cancellation", took);
  s.remark = took < 0 ? "ended by itself before it could be cancelled"
                      : "ended " + std::to_string(took) + " ms after its cancellation";
}

void contract_deadline(Subject& s) {
  Instance instance(s, State::kStarted);
  const MonoMs late = least(s, [&] {
    const FakeCall call = new_call();
    skep_fake_call_deadline(call.get(), kBeforeCancel);
    const MonoMs deadline = proc::monotonic_ms() + kBeforeCancel;
    run_plain(s, instance, call.get());
    return proc::monotonic_ms() - deadline;
  });
  if (late > grace_of(s)) too_late(s, "deadline", late);
}

void contract_concurrency(Subject& s) {
  Instance instance(s, State::kStarted);
  const auto declared = s.component->max_concurrency;
  const auto callers = declared == 0 ? kCallers : std::min<std::int64_t>(declared, kCallers);
  SharedBreak broken;
  {
    std::vector<std::jthread> threads;
    for (std::int64_t t = 0; t < callers; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < kCallsEach; ++i) try {
            const FakeCall call = new_call();
            skep_fake_call_deadline(call.get(), kBeforeCancel);
            run_plain(s, instance, call.get());
          } catch (const Broken& b) {
            broken.take(b);
          }
      });
  }
  broken.throw_if_any();
  s.remark = std::to_string(callers) + " callers";
  instance.end();
}

}  // namespace skep::conformance
