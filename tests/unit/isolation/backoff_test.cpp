#include <gtest/gtest.h>

#include "core/plugin/isolation/last_lines.hpp"
#include "core/plugin/isolation/start_backoff.hpp"

namespace skep::plugin {
namespace {

TEST(StartBackoff, doubles_to_a_minute_and_says_when_and_why) {
  StartBackoff backoff;
  MonoMs now = 1'000;
  EXPECT_TRUE(backoff.allow(now));
  for (const MonoMs delay : {500, 1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
    EXPECT_TRUE(backoff.failed(now, now, unavailable("no licence")));
    const auto early = backoff.allow(now + delay - 1);
    ASSERT_FALSE(early) << delay;
    EXPECT_EQ(early.error().code, Code::kUnavailable);
    EXPECT_EQ(early.error().retry_after, Millis(1));
    EXPECT_NE(early.error().message.find("no licence"), std::string::npos);
    now += delay;
    EXPECT_TRUE(backoff.allow(now)) << delay;
  }
}

TEST(StartBackoff, five_failures_in_a_row_are_a_crash_loop) {
  StartBackoff backoff;
  constexpr MonoMs kHour = 3'600'000;
  for (int i = 0; i < 4; ++i) backoff.failed(i * kHour, i * kHour, unavailable("x"));
  EXPECT_FALSE(backoff.in_crash_loop());
  EXPECT_EQ(backoff.allow(3 * kHour).error().id(), "plugin-start-failed");
  backoff.failed(4 * kHour, 4 * kHour, unavailable("x"));
  EXPECT_TRUE(backoff.in_crash_loop());
  EXPECT_EQ(backoff.allow(4 * kHour).error().id(), "plugin-crash-loop");
  backoff.succeeded();
  EXPECT_FALSE(backoff.in_crash_loop());
  EXPECT_TRUE(backoff.allow(4 * kHour));
}

TEST(StartBackoff, starts_that_began_together_fail_once) {
  StartBackoff backoff;
  EXPECT_TRUE(backoff.failed(100, 110, unavailable("the disk was full")));
  for (int i = 0; i < 15; ++i)
    EXPECT_FALSE(backoff.failed(100, 120, unavailable("the disk was full")));
  EXPECT_EQ(backoff.failures(), 1);
  EXPECT_TRUE(backoff.allow(610));
  EXPECT_TRUE(backoff.failed(610, 620, unavailable("again")));
  EXPECT_FALSE(backoff.failed(100, 9'000, unavailable("a slow one of the first")))
      << "it began before";
  EXPECT_EQ(backoff.failures(), 2);
  EXPECT_FALSE(backoff.allow(1'619));
  EXPECT_TRUE(backoff.allow(1'620));
}

TEST(LastLines, keeps_the_newest_and_an_unfinished_one) {
  LastLines lines;
  for (int i = 1; i <= 10; ++i) lines.add(std::to_string(i) + "\n", 0);
  lines.add("half", 0);
  EXPECT_EQ(lines.text(), "3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | half");
}

TEST(LastLines, cuts_long_lines_and_cleans_bytes) {
  LastLines lines;
  const auto out = lines.add(std::string(100'000, 'x') + "\ncaf\xe9\n\n", 0);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].size(), LastLines::kLineBytes);
  EXPECT_EQ(out[1], "caf\xef\xbf\xbd");
}

TEST(LastLines, lets_twenty_lines_a_second_through_and_counts_the_rest) {
  LastLines lines;
  std::size_t through = 0;
  for (int i = 0; i < 50; ++i) through += lines.add("line\n", 10'000).size();
  EXPECT_EQ(through, 20u);
  const auto later = lines.add("again\n", 11'000);
  ASSERT_EQ(later.size(), 2u);
  EXPECT_EQ(later[0], "(30 lines left out)");
  EXPECT_EQ(later[1], "again");
}

}  // namespace
}  // namespace skep::plugin
