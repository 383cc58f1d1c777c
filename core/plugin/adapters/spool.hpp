// A spool plugin as ports::Spool.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/plugin/adapters/route_call.hpp"
#include "core/ports/spool.hpp"
#include "skep/kind/spool.h"

namespace skep::plugin {

/// [any]. Each call enters the route, so a reload never cuts one in two. What is reserved stays so
/// over a reload, when the next generation has the room. A call that is given up leaves nothing
/// behind should it come back: what it reserved goes back, and what it put joins what next()
/// yields, where it is sent once more under its key.
class SpoolAdapter final : public ports::Spool {
 public:
  explicit SpoolAdapter(std::shared_ptr<RouteHandle> route);
  ~SpoolAdapter() override;

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
  class Reserved;

  CallRule step(std::string_view name) const { return {name, route_->limits.spool}; }

  const std::shared_ptr<RouteHandle> route_;
  const std::shared_ptr<Reserved> reserved_;  ///< shared with the calls
};

}  // namespace skep::plugin
