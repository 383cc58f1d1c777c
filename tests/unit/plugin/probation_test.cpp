#include "core/plugin/probation.hpp"

#include <gtest/gtest.h>

namespace skep::plugin {
namespace {

CallTally tally(std::int64_t calls, std::int64_t crashes) {
  return {calls, crashes, crashes, crashes};
}

TEST(Probation, one_crash_is_enough_when_there_was_none_before) {
  const auto reason = verdict(tally(5, 1), tally(1000, 0));
  ASSERT_TRUE(reason);
  EXPECT_EQ(*reason, "crashed in call 5");
  EXPECT_TRUE(verdict(tally(1, 1), tally(0, 0)));
}

TEST(Probation, a_crash_that_the_one_before_had_too_is_no_worse) {
  EXPECT_FALSE(verdict(tally(5, 1), tally(50, 1)));
  EXPECT_FALSE(verdict(tally(2, 2), tally(50, 1)));
  const auto reason = verdict(tally(10, 3), tally(50, 1));
  ASSERT_TRUE(reason) << "but many more are";
  EXPECT_EQ(*reason, "3 of its first 10 calls were faults of the plugin");
  EXPECT_FALSE(verdict(tally(10, 3), tally(10, 2)));
}

}  // namespace
}  // namespace skep::plugin
