// The nouns of a task's journey: TaskSpec -> Task -> Lease -> Outcome -> Envelope -> Verdict.
//
// Plain values. Documents (params, result, error) are JSON text: they are checked once where they
// enter and never parsed again on the way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/model/artifact.hpp"

namespace skep::model {

/// Same numbers as SKEP_TASK_* in skep/kind/queue.h.
enum class TaskState : std::uint32_t {
  kQueued = 0,
  kWaiting = 1,
  kClaimed = 2,
  kExecuting = 3,
  kSuspect = 4,
  kSucceeded = 5,
  kFailed = 6,
  kCancelled = 7,
  kDead = 8,
};
inline constexpr std::uint32_t kTaskStates = 9;

/// "retry_wait" for kWaiting; the others by their own name.
std::string_view to_string(TaskState s);
/// The word people see: waiting is "queued", suspect is "executing".
std::string_view public_status(TaskState s);
/// States that a public status covers; empty when the word is unknown.
std::vector<TaskState> states_of(std::string_view public_word);
inline bool is_terminal(TaskState s) { return s >= TaskState::kSucceeded; }
inline bool is_held(TaskState s) {
  return s == TaskState::kClaimed || s == TaskState::kExecuting || s == TaskState::kSuspect;
}

/// What somebody wishes to run; untrusted until TaskService has checked it.
struct TaskSpec {
  std::string type;
  std::string params = "{}";
  std::string site;
  std::string target_worker;
  std::vector<std::string> requirements;
  int priority = 5;
  std::int64_t timeout_ms = 0;
  int max_attempts = 5;
  WallMs run_at_ms = 0;
  WallMs expires_ms = 0;
  std::string idempotency_key;
};

/// low normal high critical, or 0 to 9.
std::optional<int> parse_priority(std::string_view word);

/// A row of worker_tasks.
struct Task {
  std::string id;
  std::int64_t seq = 0;
  TaskState state = TaskState::kQueued;
  TaskSpec spec;
  std::int64_t attempt = 0;     ///< grows at each claim: the fence
  std::int64_t tries_used = 0;  ///< counts against max_attempts
  std::int64_t crash_count = 0;
  WallMs created_ms = 0;
  WallMs claimed_ms = 0;
  WallMs started_ms = 0;
  WallMs finished_ms = 0;
  WallMs lease_expires_ms = 0;
  std::string worker_id;
  std::string incarnation;
  std::string lease_id;
  std::string result;  ///< JSON document or ""
  std::string error;   ///< JSON object or ""
};

/// Bytes of its documents: what makes a task heavy to send.
inline std::size_t weight(const Task& t) {
  return t.spec.params.size() + t.result.size() + t.error.size();
}

/// The right to run one attempt of a task. Every write about the attempt names it.
struct Lease {
  std::string task_id;
  std::int64_t attempt = 0;
  std::string lease_id;
};

/// What a worker received: the lease and what to run.
struct ClaimedTask {
  Lease lease;
  std::string type;
  std::string params;
  std::string idempotency_key;
  std::int64_t timeout_ms = 0;
};

/// Same numbers as SKEP_OUTCOME_*.
enum class OutcomeKind : std::uint32_t { kSucceeded = 0, kFailed = 1, kCancelled = 2 };
std::string_view to_string(OutcomeKind k);
std::optional<OutcomeKind> parse_outcome(std::string_view word);

/// What made an attempt fail, as its node saw it.
enum class Cause {
  kTask,    ///< itself
  kSignal,  ///< a process of it was ended by a signal that services are stopped with, not by us
  kNode,    ///< the node, on which no such task can run now
  kType,    ///< the node, on which no task of this type can begin now; others do
};

/// Another node may run it at once.
inline bool is_of_node(Cause cause) { return cause == Cause::kNode || cause == Cause::kType; }

/// How one attempt ended, by the worker's own clock.
struct Outcome {
  OutcomeKind kind = OutcomeKind::kFailed;
  std::string result;                 ///< JSON document or ""
  std::string error;                  ///< JSON object {"code","message",..} or ""
  bool retryable = false;             ///< kFailed: another attempt may do better
  std::int64_t retry_after_ms = 0;    ///< least delay that the task asked for
  std::int64_t queued_ms = 0;         ///< claim to start
  std::int64_t duration_ms = 0;       ///< start to end
  std::int64_t output_chunks = 0;     ///< so many has the attempt's output, on their own ways
  Cause cause = Cause::kTask;         ///< of kFailed; for this node only: it is not sent
  std::vector<Artifact> artifacts{};  ///< what it left, whatever became of it
};

enum class PayloadType { kFacts, kLogs, kExecutionResult, kHealth };
std::string_view to_string(PayloadType t);
std::optional<PayloadType> parse_payload_type(std::string_view word);

/// What a worker sends home. The wire form is one JSON object; `payload` is its "payload" member.
struct Envelope {
  PayloadType payload_type = PayloadType::kExecutionResult;
  std::string idempotency_key;
  Lease lease;  ///< empty task id for facts and health that belong to no task
  std::string worker_id;
  std::string incarnation;
  std::string site;
  std::int64_t seq = 0;   ///< grows within one incarnation
  WallMs created_ms = 0;  ///< worker's wall clock
  std::string payload;    ///< JSON object
};

/// The key of an attempt's result: the same for every copy of it.
std::string result_key(const Lease& lease);

/// Same numbers as SKEP_RESULT_* in skep/kind/queue.h.
enum class Verdict : std::int32_t {
  kApplied = 0,
  kAppliedLate = 1,
  kDuplicate = 2,
  kSuperseded = 3,
  kOrphanRecorded = 4,
  kKeyConflict = 5,
  kWrongWorker = 6,
};
std::string_view to_string(Verdict v);

/// What a worker says of itself; routing looks at nothing else.
struct WorkerProfile {
  std::string id;
  std::string incarnation;
  std::string site;
  std::vector<std::string> capabilities;  ///< those that are true
  std::vector<std::string> types;         ///< task types it can run
};

}  // namespace skep::model
