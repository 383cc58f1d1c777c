#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/net/http.hpp"

namespace skep::net {
namespace {

TEST(WaitList, wakes_the_oldest_matching_waiters_first) {
  WaitList list;
  std::string order;
  const std::uint64_t ticket = list.ticket();
  for (const char c : {'a', 'b', 'c'})
    EXPECT_NE(list.add("claim", ticket, [&order, c] { order += c; }), 0u);
  EXPECT_NE(list.add("news", ticket, [&order] { order += 'n'; }), 0u);
  EXPECT_EQ(list.wake([](std::string_view key) { return key == "claim"; }, 2), 2u);
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(list.size(), 2u);
  list.wake_all();
  EXPECT_EQ(order, "abcn");
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, calls_a_waker_at_once_when_news_came_after_the_ticket) {
  WaitList list;
  const std::uint64_t ticket = list.ticket();
  list.wake_all();
  bool woken = false;
  EXPECT_EQ(list.add("k", ticket, [&woken] { woken = true; }), 0u);
  EXPECT_TRUE(woken);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, calls_no_removed_waker) {
  WaitList list;
  bool woken = false;
  const std::uint64_t id = list.add("k", list.ticket(), [&woken] { woken = true; });
  list.remove(id);
  list.remove(id);
  list.remove(0);
  list.wake_all();
  EXPECT_FALSE(woken);
}

TEST(WaitList, loses_no_wake_up_between_look_and_registration) {
  WaitList list;
  constexpr int kRounds = 20'000;
  std::atomic<int> published{0};
  std::thread writer([&] {
    for (int i = 1; i <= kRounds; ++i) {
      published = i;
      list.wake_all();
    }
  });
  for (int seen = 0; seen < kRounds;) {
    const std::uint64_t ticket = list.ticket();
    if (published > seen) {
      seen = published;
      continue;
    }
    std::atomic<bool> woken{false};
    const std::uint64_t id = list.add("k", ticket, [&woken] { woken = true; });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!woken && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    list.remove(id);
    ASSERT_TRUE(woken) << "after " << seen;
  }
  writer.join();
}

}  // namespace
}  // namespace skep::net
