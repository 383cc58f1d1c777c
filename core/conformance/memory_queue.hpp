// The reference queue: plain containers, every state change through model::next(). For unit tests
// of the control role, and what the conformance kit compares every other queue with.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/model/transitions.hpp"
#include "core/ports/queue.hpp"

namespace skep::conformance {

/// [any]
class MemoryQueue : public ports::Queue {
 public:
  Result<std::vector<ports::Enqueued>> enqueue(WallMs now,
                                               std::span<const model::Task> tasks) override;
  Result<std::vector<model::Task>> claim(WallMs now, const ports::ClaimFilter& filter) override;
  Result<std::vector<ports::LeaseVerdict>> renew(WallMs now,
                                                 std::span<const ports::Renewal> renewals,
                                                 std::int64_t lease_ms) override;
  Result<std::vector<model::Verdict>> complete(
      WallMs now, std::span<const ports::ResultRecord> results) override;
  Result<std::vector<ports::LeaseVerdict>> release(WallMs now,
                                                   std::span<const model::Lease> leases) override;
  Result<WallMs> tick(WallMs now, MonoMs monotonic) override;
  Result<std::vector<model::Task>> overdue(WallMs cutoff, std::string_view worker_id,
                                           std::string_view incarnation) override;
  Result<std::vector<ports::LeaseVerdict>> lose(WallMs now, WallMs cutoff,
                                                std::span<const ports::Loss> losses) override;
  Result<ports::LeaseVerdict> cancel(WallMs now, std::string_view task_id,
                                     std::string_view error_json) override;
  Result<ports::LeaseVerdict> requeue(WallMs now, std::string_view task_id,
                                      std::int64_t expected_attempt) override;
  Result<std::vector<model::Task>> read(const ports::TaskQuery& query) override;
  Result<std::vector<ports::AttemptRow>> attempts(std::string_view task_id) override;
  Result<std::vector<ports::Completion>> completions(std::int64_t after, std::uint32_t limit,
                                                     std::size_t max_bytes) override;
  Result<std::vector<ports::TaskCount>> stats() override;
  Result<std::uint64_t> wait(Millis timeout, std::uint64_t token) override;
  Result<std::uint32_t> purge(WallMs before, std::int64_t sequence, std::uint32_t limit) override;

  std::function<void()> after_claim{};      ///< called when a claim has looked
  std::function<void()> before_read{};      ///< called by read(), without a lock
  std::function<void()> before_stats{};     ///< called by stats(), without a lock
  std::optional<Error> stats_failure{};     ///< of stats()
  std::optional<Error> complete_failure{};  ///< of complete(), which keeps nothing
  std::optional<Error> tick_failure{};      ///< of tick(), after it has moved everything
  std::optional<Error> read_failure{};      ///< of read()

 private:
  Mutex mutex_;

  Result<std::vector<model::Task>> claim_now(WallMs now, const ports::ClaimFilter& filter);

  struct Entry {
    model::Task task;
    std::vector<ports::AttemptRow> attempts;
  };

  Entry* find(std::string_view id) SKEP_REQUIRES(mutex_);
  Entry* held_by(const model::Lease& lease, ports::LeaseVerdict& verdict) SKEP_REQUIRES(mutex_);
  ports::Enqueued add(WallMs now, const model::Task& task) SKEP_REQUIRES(mutex_);
  void take_back(std::size_t count) SKEP_REQUIRES(mutex_);
  std::vector<model::Task> claimed_before(WallMs now, const ports::ClaimFilter& filter)
      SKEP_REQUIRES(mutex_);
  void lease_out(WallMs now, Entry& entry, const ports::ClaimFilter& filter) SKEP_REQUIRES(mutex_);
  model::Verdict judge(WallMs now, const ports::ResultRecord& r) SKEP_REQUIRES(mutex_);
  void apply(WallMs now, Entry& entry, const ports::ResultRecord& r) SKEP_REQUIRES(mutex_);
  ports::LeaseVerdict lose_one(WallMs now, WallMs cutoff, const ports::Loss& loss)
      SKEP_REQUIRES(mutex_);
  void expire(WallMs now) SKEP_REQUIRES(mutex_);
  std::int64_t clock_step(WallMs now, MonoMs monotonic) SKEP_REQUIRES(mutex_);
  void forget(const Entry& entry) SKEP_REQUIRES(mutex_);
  void end(WallMs finished, Entry& entry, std::string result, std::string error)
      SKEP_REQUIRES(mutex_);
  static bool advance(Entry& entry, model::Event event);
  static void end_attempt(Entry& entry, std::string_view outcome, const std::string& error,
                          WallMs finished);
  void announce() SKEP_REQUIRES(mutex_);

  CondVar changed_;
  std::uint64_t version_ SKEP_GUARDED_BY(mutex_) = 1;
  std::vector<std::unique_ptr<Entry>> entries_ SKEP_GUARDED_BY(mutex_);  // by seq
  std::map<std::string, Entry*, std::less<>> by_id_ SKEP_GUARDED_BY(mutex_);
  std::map<std::string, Entry*> by_key_ SKEP_GUARDED_BY(mutex_);
  std::map<std::string, std::string> bodies_ SKEP_GUARDED_BY(mutex_);  // result key -> body digest
  std::deque<std::pair<WallMs, std::string>> received_
      SKEP_GUARDED_BY(mutex_);  // result keys as they came
  std::vector<ports::Completion> completions_ SKEP_GUARDED_BY(mutex_);
  std::int64_t last_seq_ SKEP_GUARDED_BY(mutex_) = 0;
  WallMs ticked_ SKEP_GUARDED_BY(mutex_) = 0;
  MonoMs ticked_mono_ SKEP_GUARDED_BY(mutex_) = 0;
  std::int64_t last_completion_ SKEP_GUARDED_BY(mutex_) = 0;
};

}  // namespace skep::conformance
