// Numbers that exist on both sides of the ABI are the same.
#include <gtest/gtest.h>

#include <set>

#include "core/base/error.hpp"
#include "core/model/task.hpp"
#include "core/ports/task_runner.hpp"
#include "skep/kind/queue.h"
#include "skep/kind/task.h"

namespace skep {
namespace {

TEST(Codes, are_those_of_the_abi) {
  const std::pair<Code, skep_rc> pairs[] = {
      {Code::kCancelled, SKEP_E_CANCELLED},     {Code::kDeadline, SKEP_E_DEADLINE},
      {Code::kInvalid, SKEP_E_INVALID},         {Code::kNotFound, SKEP_E_NOT_FOUND},
      {Code::kUnsupported, SKEP_E_UNSUPPORTED}, {Code::kBusy, SKEP_E_BUSY},
      {Code::kUnavailable, SKEP_E_UNAVAILABLE}, {Code::kDenied, SKEP_E_DENIED},
      {Code::kConfig, SKEP_E_CONFIG},           {Code::kState, SKEP_E_STATE},
      {Code::kNoMemory, SKEP_E_NO_MEMORY},      {Code::kCorrupt, SKEP_E_CORRUPT},
      {Code::kInternal, SKEP_E_INTERNAL},       {Code::kFailed, SKEP_E_FAILED},
      {Code::kNotHere, SKEP_E_NOT_HERE}};
  std::set<std::string_view> names;
  for (const auto& [code, rc] : pairs) {
    EXPECT_EQ(static_cast<skep_rc>(code), rc);
    EXPECT_EQ(code_from_abi(rc), code);
    names.insert(info(code).name);
  }
  EXPECT_EQ(names.size(), std::size(pairs));
  EXPECT_EQ(code_from_abi(-99), Code::kInternal);
}

TEST(CancelReasons, are_those_of_the_abi) {
  using ports::CancelReason;
  EXPECT_EQ(static_cast<int>(CancelReason::kUser), SKEP_CANCEL_USER);
  EXPECT_EQ(static_cast<int>(CancelReason::kDeadline), SKEP_CANCEL_DEADLINE);
  EXPECT_EQ(static_cast<int>(CancelReason::kReload), SKEP_CANCEL_RELOAD);
  EXPECT_EQ(static_cast<int>(CancelReason::kShutdown), SKEP_CANCEL_SHUTDOWN);
  EXPECT_EQ(static_cast<int>(CancelReason::kLeaseLost), SKEP_CANCEL_LEASE_LOST);
}

TEST(TaskStates, are_those_of_the_abi) {
  using model::TaskState;
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kQueued), SKEP_TASK_QUEUED);
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kWaiting), SKEP_TASK_WAITING);
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kClaimed), SKEP_TASK_CLAIMED);
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kExecuting), SKEP_TASK_EXECUTING);
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kSuspect), SKEP_TASK_SUSPECT);
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kSucceeded), SKEP_TASK_SUCCEEDED);
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kFailed), SKEP_TASK_FAILED);
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kCancelled), SKEP_TASK_CANCELLED);
  EXPECT_EQ(static_cast<std::uint32_t>(TaskState::kDead), SKEP_TASK_DEAD);
}

TEST(Verdicts, are_those_of_the_abi) {
  using model::Verdict;
  EXPECT_EQ(static_cast<std::int32_t>(Verdict::kApplied), SKEP_RESULT_APPLIED);
  EXPECT_EQ(static_cast<std::int32_t>(Verdict::kAppliedLate), SKEP_RESULT_APPLIED_LATE);
  EXPECT_EQ(static_cast<std::int32_t>(Verdict::kDuplicate), SKEP_RESULT_DUPLICATE);
  EXPECT_EQ(static_cast<std::int32_t>(Verdict::kSuperseded), SKEP_RESULT_SUPERSEDED);
  EXPECT_EQ(static_cast<std::int32_t>(Verdict::kOrphanRecorded), SKEP_RESULT_ORPHAN_RECORDED);
  EXPECT_EQ(static_cast<std::int32_t>(Verdict::kKeyConflict), SKEP_RESULT_KEY_CONFLICT);
  EXPECT_EQ(static_cast<std::int32_t>(Verdict::kWrongWorker), SKEP_RESULT_WRONG_WORKER);
}

}  // namespace
}  // namespace skep
