#include "core/base/events.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace skep {
namespace {

constexpr Millis kLong{120'000};

TEST(Events, are_read_in_order_after_an_id) {
  const std::uint64_t before = events::newest();
  events::publish(log::Level::kDebug, "first", {{"n", 1}});
  events::publish(log::Level::kDebug, "second", {{"text", "a\"b"}});
  const auto both = events::since(before, 10, Millis{0}, {});
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].id, before + 1);
  EXPECT_EQ(both[0].name, "first");
  EXPECT_EQ(both[0].fields, R"({"n":1})");
  EXPECT_EQ(both[1].fields, R"({"text":"a\"b"})");
  EXPECT_EQ(events::since(before, 1, Millis{0}, {}).size(), 1u);
  EXPECT_TRUE(events::since(events::newest(), 10, Millis{0}, {}).empty());
}

TEST(Events, whoever_waits_is_woken_by_the_next_one) {
  const std::uint64_t before = events::newest();
  std::thread publisher([] { events::publish(log::Level::kDebug, "late", {}); });
  EXPECT_EQ(events::since(before, 10, kLong, {}).size(), 1u);
  publisher.join();
}

TEST(Events, only_the_newest_are_kept_and_the_gap_shows) {
  const std::uint64_t before = events::newest();
  for (int i = 0; i < 2000; ++i) events::publish(log::Level::kDebug, "many", {});
  const auto kept = events::since(before, 5000, Millis{0}, {});
  EXPECT_EQ(kept.size(), 1024u);
  EXPECT_GT(kept.front().id, before + 1);
  EXPECT_EQ(kept.back().id, before + 2000);
}

TEST(EventPatterns, name_a_kind_all_that_begin_so_or_all_others) {
  const auto said = [](std::vector<std::string> patterns, std::string_view name) {
    return events::matches(patterns, name);
  };
  EXPECT_TRUE(said({"task.failed"}, "task.failed"));
  EXPECT_FALSE(said({"task.failed"}, "task.failed2"));
  EXPECT_TRUE(said({"worker.*", "task.*"}, "task.dead"));
  EXPECT_FALSE(said({"task.*"}, "tasks"));
  EXPECT_TRUE(said({"*", "!task.succeeded"}, "task.failed"));
  EXPECT_FALSE(said({"!task.succeeded", "*"}, "task.succeeded"));
  EXPECT_FALSE(said({"!task.succeeded"}, "task.failed")) << "nothing was asked for";
  EXPECT_FALSE(said({}, "task.failed"));
  for (const char* good : {"*", "task.*", "task.failed", "!task.*", "a-b_c.d"})
    EXPECT_TRUE(events::is_pattern(good)) << good;
  for (const char* bad : {"", "!", "!!a", "*.failed", "a*b", "task failed", "a,b", "**"})
    EXPECT_FALSE(events::is_pattern(bad)) << bad;
}

TEST(Events, a_wait_ends_when_it_is_stopped) {
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_TRUE(events::since(events::newest(), 10, kLong, stop.get_token()).empty());
  stopper.join();
}

}  // namespace
}  // namespace skep
