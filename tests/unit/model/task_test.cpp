#include "core/model/task.hpp"

#include <gtest/gtest.h>
#include <skep/kind/queue.h>

#include <set>

namespace skep::model {
namespace {

constexpr std::uint32_t number(TaskState s) { return static_cast<std::uint32_t>(s); }

TEST(TaskState, has_the_numbers_of_the_plugin_abi) {
  EXPECT_EQ(number(TaskState::kQueued), SKEP_TASK_QUEUED);
  EXPECT_EQ(number(TaskState::kWaiting), SKEP_TASK_WAITING);
  EXPECT_EQ(number(TaskState::kClaimed), SKEP_TASK_CLAIMED);
  EXPECT_EQ(number(TaskState::kExecuting), SKEP_TASK_EXECUTING);
  EXPECT_EQ(number(TaskState::kSuspect), SKEP_TASK_SUSPECT);
  EXPECT_EQ(number(TaskState::kSucceeded), SKEP_TASK_SUCCEEDED);
  EXPECT_EQ(number(TaskState::kFailed), SKEP_TASK_FAILED);
  EXPECT_EQ(number(TaskState::kCancelled), SKEP_TASK_CANCELLED);
  EXPECT_EQ(number(TaskState::kDead), SKEP_TASK_DEAD);
}

TEST(OutcomeKind, has_the_numbers_of_the_plugin_abi) {
  EXPECT_EQ(static_cast<std::uint32_t>(OutcomeKind::kSucceeded), SKEP_OUTCOME_SUCCEEDED);
  EXPECT_EQ(static_cast<std::uint32_t>(OutcomeKind::kFailed), SKEP_OUTCOME_FAILED);
  EXPECT_EQ(static_cast<std::uint32_t>(OutcomeKind::kCancelled), SKEP_OUTCOME_CANCELLED);
}

TEST(Verdict, has_the_numbers_of_the_plugin_abi) {
  EXPECT_EQ(static_cast<int>(Verdict::kApplied), SKEP_RESULT_APPLIED);
  EXPECT_EQ(static_cast<int>(Verdict::kAppliedLate), SKEP_RESULT_APPLIED_LATE);
  EXPECT_EQ(static_cast<int>(Verdict::kDuplicate), SKEP_RESULT_DUPLICATE);
  EXPECT_EQ(static_cast<int>(Verdict::kSuperseded), SKEP_RESULT_SUPERSEDED);
  EXPECT_EQ(static_cast<int>(Verdict::kOrphanRecorded), SKEP_RESULT_ORPHAN_RECORDED);
  EXPECT_EQ(static_cast<int>(Verdict::kKeyConflict), SKEP_RESULT_KEY_CONFLICT);
  EXPECT_EQ(static_cast<int>(Verdict::kWrongWorker), SKEP_RESULT_WRONG_WORKER);
}

TEST(PublicStatus, hides_the_inner_states) {
  EXPECT_EQ(public_status(TaskState::kWaiting), "queued");
  EXPECT_EQ(public_status(TaskState::kSuspect), "executing");
  EXPECT_EQ(to_string(TaskState::kWaiting), "retry_wait");
  EXPECT_EQ(to_string(TaskState::kSuspect), "suspect");
}

TEST(PublicStatus, covers_every_state_by_exactly_one_word) {
  std::set<std::string_view> words;
  for (std::uint32_t i = 0; i < kTaskStates; ++i) words.insert(public_status(TaskState{i}));
  EXPECT_EQ(words.size(), 7u);
  std::size_t covered = 0;
  for (const auto word : words) covered += states_of(word).size();
  EXPECT_EQ(covered, kTaskStates);
  EXPECT_TRUE(states_of("retry_wait").empty());
  EXPECT_TRUE(states_of("").empty());
}

TEST(Priority, is_a_word_or_a_digit) {
  EXPECT_EQ(parse_priority("low"), 2);
  EXPECT_EQ(parse_priority("normal"), TaskSpec{}.priority);
  EXPECT_EQ(parse_priority("high"), 7);
  EXPECT_EQ(parse_priority("critical"), 9);
  EXPECT_EQ(parse_priority("0"), 0);
  for (const char* word : {"", "10", "-1", "urgent", "5.0", "High"})
    EXPECT_EQ(parse_priority(word), std::nullopt) << word;
}

TEST(Words, come_back_as_what_they_were) {
  for (const auto k : {OutcomeKind::kSucceeded, OutcomeKind::kFailed, OutcomeKind::kCancelled})
    EXPECT_EQ(parse_outcome(to_string(k)), k);
  for (const auto t : {PayloadType::kFacts, PayloadType::kLogs, PayloadType::kExecutionResult,
                       PayloadType::kHealth})
    EXPECT_EQ(parse_payload_type(to_string(t)), t);
  EXPECT_EQ(parse_outcome("dead"), std::nullopt);
  EXPECT_EQ(parse_payload_type("result"), std::nullopt);
}

TEST(ResultKey, is_one_for_all_copies_and_differs_with_each_part_of_the_fence) {
  const Lease lease{"t1", 2, "l1"};
  EXPECT_EQ(result_key(lease), result_key(Lease{"t1", 2, "l1"}));
  const std::set<std::string> keys{result_key(lease), result_key({"t2", 2, "l1"}),
                                   result_key({"t1", 3, "l1"}), result_key({"t1", 2, "l2"})};
  EXPECT_EQ(keys.size(), 4u);
}

}  // namespace
}  // namespace skep::model
