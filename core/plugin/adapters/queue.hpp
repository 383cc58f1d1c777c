// A queue plugin as ports::Queue.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/mutex.hpp"
#include "core/plugin/adapters/route_call.hpp"
#include "core/ports/queue.hpp"
#include "skep/kind/queue.h"

namespace skep::plugin {

/// [any]. Each call enters the route, so a reload never cuts one in two.
class QueueAdapter final : public ports::Queue {
 public:
  explicit QueueAdapter(std::shared_ptr<RouteHandle> route) : route_(std::move(route)) {}

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
  /// The tokens that callers of wait() hold are ours: a generation's own mean nothing to the next.
  struct Waited {
    std::uint64_t token = 0;  ///< 0 = nobody has waited yet
    std::uint64_t generation = 0;
    std::uint64_t theirs = 0;
  };

  std::shared_ptr<RouteHandle> route_;
  Mutex waited_mutex_;
  Waited waited_ SKEP_GUARDED_BY(waited_mutex_);
};

}  // namespace skep::plugin
