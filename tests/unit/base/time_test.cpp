#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "core/base/clock.hpp"

namespace skep {
namespace {

TEST(Iso, writes_utc_with_milliseconds) {
  EXPECT_EQ(to_iso(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso(1'768'048'496'789), "2026-01-10T12:34:56.789Z");
  EXPECT_EQ(to_iso(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_iso(951'782'400'000), "2000-02-29T00:00:00.000Z");
}

TEST(Iso, reads_back_what_it_wrote) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<WallMs> times(-2'000'000'000'000, 9'000'000'000'000);
  for (int i = 0; i < 5'000; ++i) {
    const WallMs ms = times(random);
    ASSERT_EQ(from_iso(to_iso(ms)), ms);
  }
}

TEST(Iso, reads_other_lengths_of_the_fraction) {
  EXPECT_EQ(from_iso("1970-01-01T00:00:01Z"), 1'000);
  EXPECT_EQ(from_iso("1970-01-01T00:00:01.5Z"), 1'500);
  EXPECT_EQ(from_iso("1970-01-01T00:00:01.123456Z"), 1'123);
  EXPECT_EQ(from_iso("1970-01-01 00:00:01+00:00"), 1'000);
}

TEST(Iso, refuses_what_is_no_utc_time) {
  for (const char* text :
       {"", "now", "2026-01-10", "2026-01-10T12:34:56", "2026-01-10T12:34:56+02:00",
        "2026-13-10T12:34:56Z", "2026-01-32T12:34:56Z", "2026-01-10T24:34:56Z",
        "2026-01-10T12:34:56.Z", "2026-01-10T12:34:56Zjunk", "2026-01-10T12:34Z"})
    EXPECT_EQ(from_iso(text), std::nullopt) << text;
}

TEST(SystemClock, measures_what_lasts_by_a_time_that_never_runs_backwards) {
  const SystemClock clock;
  MonoMs mono = clock.mono_ms();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_GE(clock.mono_ms(), mono);
    mono = clock.mono_ms();
  }
}

timespec g_wall{};
timespec g_since_boot{};

int set_by_test(clockid_t id, timespec* out) {
  *out = id == CLOCK_REALTIME ? g_wall : g_since_boot;
  return 0;
}

TEST(SystemClock, follows_the_wall_clock_forwards_and_back_and_measures_by_another) {
  constexpr WallMs kHour = 3'600'000;
  g_wall = {1'768'048'496, 789'000'000};
  g_since_boot = {50, 7'000'000};
  const SystemClock clock(set_by_test);
  EXPECT_EQ(clock.wall_ms(), 1'768'048'496'789);
  EXPECT_EQ(clock.mono_ms(), 50'007);
  g_wall.tv_sec += 3'600;
  EXPECT_EQ(clock.wall_ms(), 1'768'048'496'789 + kHour);
  g_wall.tv_sec -= 7'200;
  EXPECT_EQ(clock.wall_ms(), 1'768'048'496'789 - kHour);
  EXPECT_EQ(clock.mono_ms(), 50'007);
}

TEST(SystemClock, wakes_from_sleep_when_told_to_stop) {
  SystemClock clock;
  const MonoMs before = clock.mono_ms();
  std::jthread sleeper([&](std::stop_token stop) { clock.sleep(Millis(60'000), stop); });
  sleeper.request_stop();
  sleeper.join();
  EXPECT_LT(clock.mono_ms() - before, 30'000);
}

}  // namespace
}  // namespace skep
