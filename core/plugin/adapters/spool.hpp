// A spool plugin as ports::Spool.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/mutex.hpp"
#include "core/plugin/adapters/route_call.hpp"
#include "core/ports/spool.hpp"
#include "skep/kind/spool.h"

namespace skep::plugin {

/// [any]. Each call enters the route, so a reload never cuts one in two. What is reserved stays so
/// over a reload, when the next generation has the room.
class SpoolAdapter final : public ports::Spool {
 public:
  explicit SpoolAdapter(std::shared_ptr<RouteHandle> route) : route_(std::move(route)) {}

  Status reserve(std::uint64_t bytes) override;
  void unreserve(std::uint64_t bytes) override;
  Result<std::vector<std::string>> put(std::span<const ports::SpoolItem> items) override;
  Status ack(std::span<const std::string> names) override;
  Status defer(std::span<const std::string> names) override;
  Status reject(std::string_view name, std::string_view reason) override;
  Result<std::vector<ports::SpoolItem>> next(std::uint32_t max) override;
  Result<ports::SpoolStats> stats() override;
  Result<std::vector<ports::SpoolProblem>> verify() override;

 private:
  void carry_over(const skep_spool_v1* table, skep_inst* inst, std::uint64_t target);

  std::shared_ptr<RouteHandle> route_;
  Mutex mutex_;
  std::uint64_t target_ SKEP_GUARDED_BY(mutex_) = 0;    ///< the newest that was called
  std::uint64_t reserved_ SKEP_GUARDED_BY(mutex_) = 0;  ///< by our callers, in bytes
  std::uint64_t backed_ SKEP_GUARDED_BY(mutex_) = 0;    ///< of these by that target
};

}  // namespace skep::plugin
