#include "core/plugin/concurrency_gate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "core/ports/task_runner.hpp"

namespace skep::plugin {
namespace {

MonoMs in(std::int64_t ms) { return SystemClock().mono_ms() + ms; }

TEST(ConcurrencyGate, without_limit_never_waits) {
  ConcurrencyGate gate(0);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(gate.acquire(-1, 0));
  gate.release();
}

TEST(ConcurrencyGate, gives_up_at_the_deadline) {
  ConcurrencyGate gate(1);
  ASSERT_TRUE(gate.acquire(-1, 0));
  EXPECT_FALSE(gate.acquire(-1, in(20)));
  gate.release();
  EXPECT_TRUE(gate.acquire(-1, in(20)));
}

TEST(ConcurrencyGate, waiting_ends_with_cancellation) {
  ConcurrencyGate gate(1);
  ASSERT_TRUE(gate.acquire(-1, 0));
  ports::CancelToken cancel;
  std::thread waiter([&] { EXPECT_FALSE(gate.acquire(cancel.fd(), 0)); });
  cancel.cancel(ports::CancelReason::kUser);
  waiter.join();
  gate.release();
  EXPECT_TRUE(gate.acquire(-1, in(0)));
}

TEST(ConcurrencyGate, never_lets_more_in_and_loses_no_wake_up) {
  constexpr int kSlots = 3;
  ConcurrencyGate gate(kSlots);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        if (!gate.acquire(-1, in(600'000))) return;
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        if (i % 64 == 0) std::this_thread::yield();
        --inside;
        ++passed;
        gate.release();
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(passed, 8 * 2000);
  EXPECT_LE(most, kSlots);
}

}  // namespace
}  // namespace skep::plugin
