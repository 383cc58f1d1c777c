#include "core/model/transitions.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace skep::model {
namespace {

constexpr int kEvents = static_cast<int>(Event::kRequeue) + 1;

std::set<TaskState> reachable(std::set<TaskState> from) {
  for (std::size_t before = 0; before != from.size();) {
    before = from.size();
    for (const Transition& t : transitions())
      if (from.contains(t.from)) from.insert(t.to);
  }
  return from;
}

TEST(Transitions, reach_every_state_from_the_two_a_task_is_made_in) {
  EXPECT_EQ(reachable({TaskState::kQueued, TaskState::kWaiting}).size(), kTaskStates);
}

TEST(Transitions, leave_no_state_without_a_way_to_an_end) {
  for (std::uint32_t i = 0; i < kTaskStates; ++i) {
    const auto ends = reachable({TaskState{i}});
    EXPECT_TRUE(ends.contains(TaskState::kSucceeded)) << to_string(TaskState{i});
    EXPECT_TRUE(ends.contains(TaskState::kCancelled)) << to_string(TaskState{i});
  }
}

TEST(Transitions, leave_an_ended_task_alone_but_for_requeue) {
  for (const Transition& t : transitions())
    EXPECT_TRUE(!is_terminal(t.from) || t.event == Event::kRequeue) << to_string(t.from);
  for (const auto ended :
       {TaskState::kSucceeded, TaskState::kFailed, TaskState::kCancelled, TaskState::kDead})
    EXPECT_EQ(next(ended, Event::kRequeue), TaskState::kQueued);
}

TEST(Transitions, know_one_answer_to_an_event_in_a_state) {
  std::set<std::pair<TaskState, Event>> seen;
  for (const Transition& t : transitions())
    EXPECT_TRUE(seen.insert({t.from, t.event}).second)
        << to_string(t.from) << " " << to_string(t.event);
}

TEST(Transitions, have_a_guard_each) {
  for (const Transition& t : transitions()) EXPECT_FALSE(t.guard.empty()) << to_string(t.from);
}

TEST(Transitions, use_every_event_and_name_it) {
  std::set<Event> used;
  std::set<std::string_view> names;
  for (const Transition& t : transitions()) used.insert(t.event);
  for (int e = 0; e < kEvents; ++e) names.insert(to_string(static_cast<Event>(e)));
  EXPECT_EQ(used.size(), static_cast<std::size_t>(kEvents));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kEvents));
  EXPECT_EQ(to_string(Event::kRequeue), "requeue");
}

TEST(Next, follows_the_table_and_refuses_the_rest) {
  for (const Transition& t : transitions()) EXPECT_EQ(next(t.from, t.event), t.to);
  EXPECT_EQ(next(TaskState::kQueued, Event::kStart), std::nullopt);
  EXPECT_EQ(next(TaskState::kSucceeded, Event::kFail), std::nullopt);
  EXPECT_EQ(next(TaskState::kDead, Event::kCancel), std::nullopt);
  EXPECT_EQ(next(TaskState::kWaiting, Event::kClaim), std::nullopt);
}

TEST(Transitions, let_only_a_claim_hand_a_task_to_a_worker) {
  for (const Transition& t : transitions())
    EXPECT_TRUE(is_held(t.from) || !is_held(t.to) || t.event == Event::kClaim) << to_string(t.to);
}

TEST(Backoff, stays_in_its_bounds_and_spreads_over_them) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr int kSamples = 10'000;
  for (std::int64_t failures = 1; failures <= 10; ++failures) {
    const std::int64_t top = std::min<std::int64_t>(900'000, 5'000LL << (failures - 1));
    double sum = 0;
    for (int i = 0; i < kSamples; ++i) {
      const std::int64_t ms = backoff_ms(failures, 0, random());
      ASSERT_GE(ms, 1'000);
      ASSERT_LE(ms, top);
      sum += static_cast<double>(ms);
    }
    const double middle = static_cast<double>(1'000 + top) / 2;
    EXPECT_NEAR(sum / kSamples, middle, middle * 0.05) << failures;
  }
}

TEST(Backoff, reaches_both_ends) {
  EXPECT_EQ(backoff_ms(1, 0, 0), 1'000);
  EXPECT_EQ(backoff_ms(1, 0, 4'000), 5'000);
  EXPECT_EQ(backoff_ms(50, 0, 899'000), 900'000);
}

TEST(Backoff, waits_at_least_as_long_as_the_task_asked) {
  EXPECT_EQ(backoff_ms(1, 60'000, 0), 60'000);
  EXPECT_EQ(backoff_ms(1, 2'000'000, 0), 2'000'000);
}

TEST(Backoff, takes_any_count_and_a_tiny_base) {
  for (const std::int64_t failures : {INT64_C(-5), INT64_C(0), INT64_C(1'000'000'000)}) {
    EXPECT_GE(backoff_ms(failures, 0, UINT64_MAX), 1'000);
    EXPECT_LE(backoff_ms(failures, 0, UINT64_MAX), 900'000);
  }
  EXPECT_EQ(backoff_ms(1, 0, 12345, 10, 10), 10);
}

}  // namespace
}  // namespace skep::model
