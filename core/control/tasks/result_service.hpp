// Envelope -> Verdict, first half: what a worker sent becomes durable and is acknowledged. The
// second half, the effect on everything else, is the reconciler's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/api/task_views.hpp"
#include "core/api/wire.hpp"
#include "core/base/live.hpp"
#include "core/control/platform.hpp"
#include "core/control/tasks/task_metrics.hpp"
#include "core/control/tasks/unknown_output.hpp"

namespace skep::control {

struct RetryPolicy {
  std::int64_t base_ms = 5'000;
  std::int64_t cap_ms = 900'000;
  int max_crashes = 3;
  bool operator==(const RetryPolicy&) const = default;
};

class ResultService {
 public:
  /// All must outlive it.
  ResultService(Platform& platform, TaskMetrics& metrics, RetryPolicy retry)
      : queue_(platform.queue),
        store_(platform.store),
        waits_(platform.waits),
        clock_(platform.clock),
        metrics_(metrics),
        retry_(retry) {}

  static std::vector<std::string> migrations();

  void set_retry(RetryPolicy retry) { retry_.set(retry); }
  /// One answer per envelope, in order; `sender` may speak for the workers that they name. Fails as
  /// a whole only when queue or store fail, and then nothing is acknowledged. [any]
  Result<std::vector<api::Ack>> accept(const std::vector<Result<model::Envelope>>& envelopes,
                                       const net::Caller& sender);

  using LogRow = api::LogRow;
  struct LogRows {
    std::vector<LogRow> rows;
    std::int64_t attempt = 0;  ///< with `chunk` where to go on
    std::int64_t chunk = 0;
    bool more_comes = false;  ///< more rows than `limit`, or a chunk that is on its way
    Millis comes_within{};    ///< that chunk, or it is waited for no longer
  };
  /// Chunks of a task after (attempt, chunk), in order. A worker that was cut off brings the newest
  /// first: what follows a chunk that is missing waits for that one, half a minute at most.
  Result<LogRows> logs(const std::string& task_id, std::int64_t after_attempt,
                       std::int64_t after_chunk, int limit);
  /// Deletes at most `limit` chunks received before `before`; returns how many. [any]
  static Result<std::size_t> forget_logs(ports::Store& store, WallMs before, std::size_t limit);

 private:
  struct Batch;
  /// Whose an attempt is, for the worker that sends something of it.
  enum class Owner { kSender, kFormerSender, kOther, kNobody };
  Result<Owner> owner_of(const net::Caller& sender, const model::Lease& lease);
  /// Why nothing more of unknown tasks is taken from this worker; null = it is.
  Result<std::optional<api::Ack>> refuse_unknown(const net::Caller& sender,
                                                 const model::Envelope& e);
  Status note_what_comes_beside(Batch& batch, const model::Envelope& e,
                                const ports::ResultRecord& record, const net::Caller& sender);
  Status settle_results(Batch& batch, const net::Caller& sender);
  Status settle_documents(Batch& batch);
  ports::Queue& queue_;
  ports::Store& store_;
  WaitLists& waits_;
  const Clock& clock_;
  TaskMetrics& metrics_;
  Live<RetryPolicy> retry_;
  UnknownOutput unknown_;
};

}  // namespace skep::control
