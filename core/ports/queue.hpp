// The queue as the control role sees it. Contract of each call: sdk/include/skep/kind/queue.h.
// Implementations: plugin adapter (core/plugin/adapters), in-memory fake (tests/support).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/task.hpp"

namespace skep::ports {

enum class EnqueueVerdict : std::int32_t { kEnqueued = 0, kExists = 1, kConflict = 2 };
struct Enqueued {
  EnqueueVerdict verdict = EnqueueVerdict::kEnqueued;
  std::string id;  ///< of the task that stands
};

enum class LeaseVerdict : std::int32_t { kHeld = 0, kLost = 1, kUnknown = 2 };

struct Renewal {
  model::Lease lease;
  bool executing = false;
};

struct ClaimFilter {
  model::WorkerProfile worker;
  std::uint32_t max = 1;
  std::int64_t lease_ms = 90'000;
  std::string claim_id{};       ///< lease ids begin with it
  bool repeated = false;        ///< the reply to an earlier claim under this id may have been lost
  std::uint32_t max_bytes = 0;  ///< no further task once the params have as many; 0 = no bound
};

struct ResultRecord {
  std::string idempotency_key;
  std::string body_sha256;
  model::Lease lease;
  std::string worker_id;
  std::string incarnation;
  model::Outcome outcome;
  std::int64_t retry_delay_ms = -1;  ///< kFailed: < 0 is final
};

struct Loss {
  model::Lease lease;
  bool crashed = false;
  std::int64_t retry_delay_ms = 0;
  std::int64_t max_crashes = 3;
  std::string error;  ///< JSON object
};

/// For requeue(): whatever attempt the task is in.
inline constexpr std::int64_t kAnyAttempt = -1;

struct TaskQuery {
  std::string id;
  std::string type;
  std::string site;
  std::string worker_id;
  std::string idempotency_key{};  ///< at most one task has it
  std::vector<model::TaskState> states;
  bool newest_first = true;
  std::int64_t after_seq = 0;
  std::uint32_t limit = 100;
  std::size_t max_bytes = 0;  ///< no further row once they weigh as much; 0 = no bound
};

struct AttemptRow {
  std::int64_t attempt = 0;
  std::string worker_id;
  std::string incarnation;
  std::string lease_id;
  std::string outcome;  ///< "" while it runs
  std::string error;    ///< JSON object or ""
  WallMs claimed_ms = 0;
  WallMs started_ms = 0;
  WallMs finished_ms = 0;
};

struct Completion {
  std::int64_t sequence = 0;
  model::Task task;
};

struct TaskCount {
  model::TaskState state = model::TaskState::kQueued;
  std::string site;
  std::string type;
  std::int64_t count = 0;
  WallMs oldest_created_ms = 0;
};

class Queue {
 public:
  virtual ~Queue() = default;
  virtual Result<std::vector<Enqueued>> enqueue(WallMs now, std::span<const model::Task> tasks) = 0;
  virtual Result<std::vector<model::Task>> claim(WallMs now, const ClaimFilter& filter) = 0;
  virtual Result<std::vector<LeaseVerdict>> renew(WallMs now, std::span<const Renewal> renewals,
                                                  std::int64_t lease_ms) = 0;
  virtual Result<std::vector<model::Verdict>> complete(WallMs now,
                                                       std::span<const ResultRecord> results) = 0;
  virtual Result<std::vector<LeaseVerdict>> release(WallMs now,
                                                    std::span<const model::Lease> leases) = 0;
  /// Next instant at which a tick has something to do, 0 = none known.
  /// `monotonic` is a clock that is never set: by it the queue sees that the other one was.
  virtual Result<WallMs> tick(WallMs now, MonoMs monotonic) = 0;
  virtual Result<std::vector<model::Task>> overdue(WallMs cutoff, std::string_view worker_id,
                                                   std::string_view incarnation) = 0;
  virtual Result<std::vector<LeaseVerdict>> lose(WallMs now, WallMs cutoff,
                                                 std::span<const Loss> losses) = 0;
  virtual Result<LeaseVerdict> cancel(WallMs now, std::string_view task_id,
                                      std::string_view error_json) = 0;
  /// kLost, and nothing happens, when the task is queued already or has begun another attempt than
  /// `expected_attempt`, the one that whoever decided on it has seen; kAnyAttempt for none.
  virtual Result<LeaseVerdict> requeue(WallMs now, std::string_view task_id,
                                       std::int64_t expected_attempt) = 0;
  virtual Result<std::vector<model::Task>> read(const TaskQuery& query) = 0;
  virtual Result<std::vector<AttemptRow>> attempts(std::string_view task_id) = 0;
  /// `max_bytes` as in TaskQuery.
  virtual Result<std::vector<Completion>> completions(std::int64_t after, std::uint32_t limit,
                                                      std::size_t max_bytes = 0) = 0;
  virtual Result<std::vector<TaskCount>> stats() = 0;
  /// Returns the new token after at most `timeout`.
  virtual Result<std::uint64_t> wait(Millis timeout, std::uint64_t token) = 0;
  /// Forgets what ended before `before`, up to completion `sequence`; returns how many rows went.
  virtual Result<std::uint32_t> purge(WallMs before, std::int64_t sequence,
                                      std::uint32_t limit) = 0;
};

}  // namespace skep::ports
