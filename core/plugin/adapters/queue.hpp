// A queue plugin as ports::Queue.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/plugin/adapters/route_call.hpp"
#include "core/ports/queue.hpp"
#include "skep/kind/queue.h"

namespace skep::plugin {

/// [any]. Each call enters the route, so a reload never cuts one in two. A call that is given up
/// may take effect yet; what it would have answered is dropped.
class QueueAdapter final : public ports::Queue {
 public:
  explicit QueueAdapter(std::shared_ptr<RouteHandle> route);
  ~QueueAdapter() override;

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
  struct Waited;

  CallRule step(std::string_view name) const { return {name, route_->limits.step}; }

  const std::shared_ptr<RouteHandle> route_;
  const std::shared_ptr<Waited> waited_;  ///< shared with the calls of wait()
};

}  // namespace skep::plugin
