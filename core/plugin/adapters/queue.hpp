// A queue plugin as ports::Queue.
#pragma once

#include <memory>

#include "core/ports/queue.hpp"
#include "skep/kind/queue.h"

namespace skep::plugin {

/// [any]. `keep_alive` owns what `table` and `inst` live in.
class QueueAdapter final : public ports::Queue {
 public:
  QueueAdapter(const skep_queue_v1* table, skep_inst* inst, std::shared_ptr<void> keep_alive)
      : table_(table), inst_(inst), keep_alive_(std::move(keep_alive)) {}

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
  Result<WallMs> tick(WallMs now) override;
  Result<std::vector<model::Task>> overdue(WallMs cutoff, std::string_view worker_id,
                                           std::string_view incarnation) override;
  Result<std::vector<ports::LeaseVerdict>> lose(WallMs now, WallMs cutoff,
                                                std::span<const ports::Loss> losses) override;
  Result<ports::LeaseVerdict> cancel(WallMs now, std::string_view task_id,
                                     std::string_view error_json) override;
  Result<ports::LeaseVerdict> requeue(WallMs now, std::string_view task_id) override;
  Result<std::vector<model::Task>> read(const ports::TaskQuery& query) override;
  Result<std::vector<ports::AttemptRow>> attempts(std::string_view task_id) override;
  Result<std::vector<ports::Completion>> completions(std::int64_t after, std::uint32_t limit,
                                                     std::size_t max_bytes) override;
  Result<std::vector<ports::TaskCount>> stats() override;
  Result<std::uint64_t> wait(Millis timeout, std::uint64_t token) override;
  Result<std::uint32_t> purge(WallMs before, std::int64_t sequence, std::uint32_t limit) override;

 private:
  const skep_queue_v1* table_;
  skep_inst* inst_;
  std::shared_ptr<void> keep_alive_;
};

}  // namespace skep::plugin
