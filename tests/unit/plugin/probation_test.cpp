#include "core/plugin/probation.hpp"

#include <gtest/gtest.h>

namespace skep::plugin {
namespace {

CallTally tally(std::int64_t calls, std::int64_t crashes) {
  return {calls, crashes, crashes, crashes};
}

std::optional<std::string> why_worse(const CallTally& fresh, const CallTally& before) {
  return kPluginProbation.why_worse(fresh, before);
}

TEST(Probation, one_crash_is_enough_when_there_was_none_before) {
  const auto reason = why_worse(tally(5, 1), tally(1000, 0));
  ASSERT_TRUE(reason);
  EXPECT_EQ(*reason, "crashed in call 5");
  EXPECT_TRUE(why_worse(tally(1, 1), tally(0, 0)));
}

TEST(Probation, a_crash_that_the_one_before_had_too_is_no_worse) {
  EXPECT_FALSE(why_worse(tally(5, 1), tally(50, 1)));
  EXPECT_FALSE(why_worse(tally(2, 2), tally(50, 1)));
  const auto reason = why_worse(tally(10, 3), tally(50, 1));
  ASSERT_TRUE(reason) << "but many more are";
  EXPECT_EQ(*reason, "3 of its first 10 calls were faults of the plugin");
  EXPECT_FALSE(why_worse(tally(10, 3), tally(10, 2)));
}

TEST(Probation, is_over_after_so_many_calls_and_so_much_time) {
  const Probation probation{&kPluginProbation, tally(50, 0), 1000};
  const MonoMs over = 1000 + kPluginProbation.time.count();
  EXPECT_FALSE(probation.judge(tally(19, 0), over).proved);
  EXPECT_FALSE(probation.judge(tally(20, 0), over - 1).proved);
  EXPECT_TRUE(probation.judge(tally(20, 0), over).proved);
  const auto worse = probation.judge(tally(20, 1), over);
  EXPECT_FALSE(worse.proved);
  EXPECT_TRUE(worse.worse);
}

TEST(Probation, of_a_script_asks_for_three_faults_that_most_runs_are) {
  const Probation probation{&kScriptProbation, tally(0, 0), 0};
  EXPECT_FALSE(probation.judge(tally(2, 2), 0).worse);
  EXPECT_EQ(probation.judge(tally(3, 3), 0).worse,
            "3 of its first 3 runs were faults of the script");
  EXPECT_FALSE(probation.judge(tally(6, 3), 0).worse) << "half of them are not most";
  EXPECT_TRUE(probation.judge(tally(5, 0), 0).proved);
  const Probation after_a_bad_one{&kScriptProbation, tally(4, 3), 0};
  EXPECT_FALSE(after_a_bad_one.judge(tally(3, 3), 0).worse) << "it is no worse";
}

}  // namespace
}  // namespace skep::plugin
