#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/net/http.hpp"

namespace skep::net {
namespace {

TEST(WaitList, wakes_those_of_a_key_or_all) {
  WaitList list;
  int claims = 0;
  int news = 0;
  for (int i = 0; i < 3; ++i)
    EXPECT_NE(list.add("claim", list.ticket("claim"), [&] { ++claims; }), 0u);
  EXPECT_NE(list.add("news", list.ticket("news"), [&] { ++news; }), 0u);
  EXPECT_EQ(list.wake("other"), 0u);
  EXPECT_EQ(list.wake("claim"), 3u);
  EXPECT_EQ(claims, 3);
  EXPECT_EQ(news, 0);
  EXPECT_EQ(list.size(), 1u);
  EXPECT_EQ(list.wake_all(), 1u);
  EXPECT_EQ(news, 1);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, news_of_another_key_end_no_wait) {
  WaitList list;
  const std::uint64_t ticket = list.ticket("a");
  list.wake("b");
  EXPECT_EQ(list.ticket("a"), ticket);
  list.wake("a");
  EXPECT_NE(list.ticket("a"), ticket);
}

TEST(WaitList, calls_a_waker_at_once_when_news_came_after_the_ticket) {
  WaitList list;
  const std::uint64_t ticket = list.ticket("k");
  list.wake("k");
  bool woken = false;
  EXPECT_EQ(list.add("k", ticket, [&woken] { woken = true; }), 0u);
  EXPECT_TRUE(woken);
  EXPECT_EQ(list.size(), 0u);
}

TEST(WaitList, calls_no_removed_waker) {
  WaitList list;
  bool woken = false;
  const std::uint64_t id = list.add("k", list.ticket("k"), [&woken] { woken = true; });
  EXPECT_TRUE(list.remove(id));
  EXPECT_FALSE(list.remove(id));
  EXPECT_FALSE(list.remove(0));
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
      if (i % 2 == 0)
        list.wake_all();
      else
        list.wake("k");
    }
  });
  for (int seen = 0; seen < kRounds;) {
    const std::uint64_t ticket = list.ticket("k");
    if (published > seen) {
      seen = published;
      continue;
    }
    std::atomic<bool> woken{false};
    const std::uint64_t id = list.add("k", ticket, [&woken] { woken = true; });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (!woken && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    list.remove(id);
    EXPECT_TRUE(woken) << "after " << seen;
    if (!woken) break;
  }
  writer.join();
}

}  // namespace
}  // namespace skep::net
