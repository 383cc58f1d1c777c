// One worker with everything around it scripted.
#pragma once

#include <memory>
#include <string>

#include "core/worker/worker.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/memory_spool.hpp"
#include "tests/unit/worker/scripted_control.hpp"

namespace skep::test {

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Bench {
  explicit Bench(MemorySpoolLimits limits = {}) : spool(limits) {
    options.id = "w1";
    options.site = "site-a";
    options.version = "1.0.0";
    options.incarnation = "inc-1";
    options.control_planes = {"http://127.0.0.1:1"};
    options.concurrency = 2;
    options.poll_interval = Millis{50};
    options.claim_hold = Millis{2'000};
    options.heartbeat_interval = Millis{30'000};
    options.drain = options.cancel_grace = Millis{600'000};
    options.result_reserve_bytes = 1000;
    options.control = control.factory();
    options.on_conflict = [this] { conflict = true; };
  }
  ~Bench() { runner.finish(); }
  /// By the clock of the machine, or by one that stands still until a test moves it.
  void start() { start(clock); }
  void start(Clock& by) {
    worker = std::make_unique<worker::Worker>(options, runner, spool, heartbeat, by);
    if (const auto status = worker->start(); !status)
      throw std::runtime_error(status.error().message);
  }
  bool finished(std::size_t n) const {
    return eventually([&] { return control.finished().size() >= n; });
  }

  SystemClock clock;
  FakeClock still;
  ScriptedControl control;
  ScriptedRunner runner;
  ScriptedHeartbeat heartbeat;
  MemorySpool spool;
  std::atomic<bool> conflict{false};
  worker::WorkerOptions options;
  std::unique_ptr<worker::Worker> worker;  ///< goes first
};

}  // namespace skep::test
