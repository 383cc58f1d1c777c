// A store plugin as ports::Store.
#pragma once

#include <memory>

#include "core/plugin/adapters/route_call.hpp"
#include "core/ports/store.hpp"
#include "skep/kind/store.h"

namespace skep::plugin {

/// [any]. Each call enters the route, so a reload never cuts one in two. A call that is given up
/// may take effect yet; what it would have answered is dropped.
class StoreAdapter final : public ports::Store {
 public:
  explicit StoreAdapter(std::shared_ptr<RouteHandle> route) : route_(std::move(route)) {}

  Result<std::vector<std::vector<ports::Row>>> batch(
      std::span<const ports::Statement> statements) override;
  Result<std::vector<ports::Row>> query(const ports::Statement& statement) override;
  Status migrate(const std::string& name, std::span<const std::string> migrations) override;

 private:
  std::shared_ptr<RouteHandle> route_;
};

}  // namespace skep::plugin
