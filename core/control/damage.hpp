// Queue and store with a memory for damage: the bad page that a request met is met by no probe.
#pragma once

#include "core/base/mutex.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

/// The first kCorrupt that was answered, for as long as the process lives: what could be read since
/// proves nothing for the rest. [any]
class Damage {
 public:
  template <class T>
  Result<T> noted(Result<T> answer) {
    if (!answer && answer.error().code == Code::kCorrupt) keep(answer.error());
    return answer;
  }
  Status found() const;
  /// kUnavailable "queue-damaged" once something was found.
  Status sound() const;

 private:
  void keep(const Error& error);

  mutable Mutex mutex_;
  Status found_ SKEP_GUARDED_BY(mutex_);
};

/// Takes no task, hands none out and records no result once damage is known: what it says it did
/// may not be there. `queue` outlives it.
class WatchedQueue final : public ports::Queue {
 public:
  explicit WatchedQueue(ports::Queue& queue) : queue_(queue) {}
  Damage& damage() { return damage_; }

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

 private:
  ports::Queue& queue_;
  Damage damage_;
};

/// `store` outlives it.
class WatchedStore final : public ports::Store {
 public:
  explicit WatchedStore(ports::Store& store) : store_(store) {}
  Damage& damage() { return damage_; }

  Result<std::vector<std::vector<ports::Row>>> batch(
      std::span<const ports::Statement> statements) override;
  Result<std::vector<ports::Row>> query(const ports::Statement& statement) override;
  Status migrate(const std::string& name, std::span<const std::string> migrations) override;

 private:
  ports::Store& store_;
  Damage damage_;
};

}  // namespace skep::control
