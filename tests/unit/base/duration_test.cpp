#include "core/base/duration.hpp"

#include <gtest/gtest.h>

namespace skep {
namespace {

TEST(Duration, takes_seconds_and_units) {
  EXPECT_EQ(parse_duration("90"), 90);
  EXPECT_EQ(parse_duration("1.5"), 1.5);
  EXPECT_EQ(parse_duration("250ms"), 0.25);
  EXPECT_EQ(parse_duration("30s"), 30);
  EXPECT_EQ(parse_duration("5m"), 300);
  EXPECT_EQ(parse_duration("1.5h"), 5'400);
  EXPECT_EQ(parse_duration("7d"), 604'800);
  EXPECT_EQ(parse_duration("0"), 0);
}

TEST(Duration, refuses_what_is_none) {
  for (const char* text :
       {"", "s", "-1", "-5m", "5 m", "5M", "5min", "1h30m", "nan", "inf", "1e3s", "0x10", "5m ",
        " 5m", "+5m", "99999999999999999999999999999999999999999e99"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Duration, of_retry_after_is_an_hour_at_most) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_retry_after("7"), seconds(7));
  EXPECT_EQ(parse_retry_after("3600"), seconds(3'600));
  EXPECT_EQ(parse_retry_after("86400"), seconds(3'600));
  for (const char* text : {"", "0", "-5", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"})
    EXPECT_EQ(parse_retry_after(text), seconds(0)) << text;
}

}  // namespace
}  // namespace skep
