// Looks at spool and folders, of which some do not answer.
#include "core/worker/self_check.hpp"

#include <gtest/gtest.h>

#include <future>

#include "tests/support/fake_clock.hpp"

namespace skep::worker {
namespace {

class SelfCheckTest : public testing::Test {
 protected:
  test::FakeClock clock_;
  Health health_{clock_, Millis{5'000}, {[] {}}};
};

TEST_F(SelfCheckTest, of_a_spool_that_answers_says_what_it_says) {
  std::atomic<bool> full{true};
  SelfCheck check({[&] { return full ? "no room" : ""; }, "", Millis{600'000}, Millis{600'000}},
                  health_, clock_);
  check.start();
  EXPECT_FALSE(check.look({}));
  EXPECT_EQ(health_.troubles(), std::vector<std::string>{"no room"});
  full = false;
  while (!check.look({})) {
  }
  EXPECT_TRUE(health_.troubles().empty());
  EXPECT_TRUE(check.end(Millis{600'000}));
}

TEST_F(SelfCheckTest, of_a_spool_that_hangs_holds_neither_claims_nor_a_stop) {
  std::promise<void> answers;
  const std::shared_future<void> answer = answers.get_future().share();
  SelfCheck check({[&] {
                     answer.wait();
                     return std::string();
                   },
                   "", Millis{600'000}, Millis{1}},
                  health_, clock_);
  check.start();
  EXPECT_FALSE(check.look({}));
  const std::vector<std::string> hangs{"the spool has not answered for 0 s; its disk may hang"};
  while (health_.troubles() != hangs) EXPECT_FALSE(check.look({}));
  EXPECT_FALSE(check.end(Millis{1}));
  answers.set_value();
  EXPECT_TRUE(check.end(Millis{600'000}));
}

TEST_F(SelfCheckTest, is_well_again_once_the_spool_answers) {
  std::promise<void> answers;
  const std::shared_future<void> answer = answers.get_future().share();
  SelfCheck check({[&] {
                     answer.wait();
                     return std::string();
                   },
                   "", Millis{600'000}, Millis{1}},
                  health_, clock_);
  check.start();
  while (health_.troubles().empty()) EXPECT_FALSE(check.look({}));
  answers.set_value();
  while (!check.look({})) {
  }
  EXPECT_TRUE(health_.troubles().empty());
}

}  // namespace
}  // namespace skep::worker
