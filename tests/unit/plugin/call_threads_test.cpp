#include "core/plugin/call_threads.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <thread>

#include "core/plugin/patience.hpp"

namespace skep::plugin {
namespace {

using TimePoint = CallThreads::TimePoint;

constexpr Millis kForever{3'600'000};
const TimePoint kPast{};

class CallThreadsTest : public testing::Test {
 protected:
  CallThreads::Hold take() {
    auto hold = threads_.take();
    if (!hold) throw std::runtime_error(hold.error().message);
    return std::move(*hold);
  }
  CallThreads threads_{kForever};
  const int given_up_before_ = given_up_calls();
};

TEST_F(CallThreadsTest, an_idle_thread_is_used_again) {
  std::thread::id first;
  std::thread::id second;
  for (std::thread::id* id : {&first, &second}) {
    auto hold = take();
    hold.start([id] { *id = std::this_thread::get_id(); }, [] {});
    EXPECT_TRUE(hold.wait_until(TimePoint::max()));
  }
  EXPECT_EQ(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
  EXPECT_EQ(threads_.idle(), 1u);
}

TEST_F(CallThreadsTest, calls_at_once_have_a_thread_each) {
  std::latch both(2);
  auto one = take();
  auto two = take();
  one.start([&] { both.arrive_and_wait(); }, [] {});
  two.start([&] { both.arrive_and_wait(); }, [] {});
  EXPECT_TRUE(one.wait_until(TimePoint::max()));
  EXPECT_TRUE(two.wait_until(TimePoint::max()));
}

TEST_F(CallThreadsTest, what_a_call_owns_has_gone_when_its_end_is_heard) {
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = owned;
  auto hold = take();
  hold.start([owned] {}, [owned] {});
  owned.reset();
  EXPECT_TRUE(hold.wait_until(TimePoint::max()));
  EXPECT_TRUE(seen.expired());
}

TEST_F(CallThreadsTest, a_call_that_is_given_up_goes_on_and_its_thread_comes_back) {
  std::latch gate(1);
  std::latch late(1);
  {
    auto hold = take();
    hold.start([&] { gate.wait(); }, [&] { late.count_down(); });
    EXPECT_FALSE(hold.wait_until(kPast));
    EXPECT_TRUE(hold.give_up());
  }
  EXPECT_EQ(given_up_calls(), given_up_before_ + 1);
  EXPECT_EQ(threads_.idle(), 0u);
  gate.count_down();
  late.wait();
  while (threads_.idle() == 0) std::this_thread::yield();
  EXPECT_EQ(given_up_calls(), given_up_before_);
}

TEST_F(CallThreadsTest, a_call_that_has_ended_is_not_given_up) {
  std::latch done(1);
  bool late = false;
  auto hold = take();
  hold.start([&] { done.count_down(); }, [&] { late = true; });
  ASSERT_TRUE(hold.wait_until(TimePoint::max()));
  EXPECT_FALSE(hold.give_up());
  EXPECT_EQ(given_up_calls(), given_up_before_);
  EXPECT_FALSE(late);
}

TEST_F(CallThreadsTest, a_waiter_is_woken_without_an_end) {
  std::latch gate(1);
  auto hold = take();
  hold.start([&] { gate.wait(); }, [] {});
  std::thread waker([&] { hold.wake(); });
  EXPECT_FALSE(hold.wait_until(TimePoint::max()));
  waker.join();
  gate.count_down();
  EXPECT_TRUE(hold.wait_until(TimePoint::max()));
}

TEST_F(CallThreadsTest, an_idle_thread_ends_after_a_while) {
  CallThreads brief(Millis{0});
  {
    auto hold = brief.take();
    ASSERT_TRUE(hold);
    hold->start([] {}, [] {});
    EXPECT_TRUE(hold->wait_until(TimePoint::max()));
  }
  while (brief.idle() > 0) std::this_thread::yield();
  auto next = brief.take();
  EXPECT_TRUE(next);
}

TEST(Patience, waits_no_longer_than_it_has_to) {
  const auto gate = std::make_shared<std::latch>(1);
  const auto late = std::make_shared<std::latch>(1);
  EXPECT_FALSE(run_patiently([gate] { gate->wait(); }, Millis{1}, [late] { late->count_down(); }));
  gate->count_down();
  late->wait();
  bool ran = false;
  EXPECT_TRUE(run_patiently([&] { ran = true; }, kForever));
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace skep::plugin
