// A heartbeat plugin as ports::Heartbeat.
#pragma once

#include <memory>

#include "core/plugin/adapters/route_call.hpp"
#include "core/ports/heartbeat.hpp"
#include "skep/kind/heartbeat.h"

namespace skep::plugin {

/// One call at a time: while one is inside that was given up, no other is made. Each call enters
/// the route, so a reload never cuts one in two.
class HeartbeatAdapter final : public ports::Heartbeat {
 public:
  explicit HeartbeatAdapter(std::shared_ptr<RouteHandle> route) : route_(std::move(route)) {}

  Result<std::string> beat(std::string_view control_plane, std::string_view token,
                           std::string_view beat_json, Millis timeout) override;

 private:
  std::shared_ptr<RouteHandle> route_;
};

}  // namespace skep::plugin
