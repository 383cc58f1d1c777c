// The heartbeat carrier as the worker role sees it. Contract: sdk/include/skep/kind/heartbeat.h.
#pragma once

#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::ports {

class Heartbeat {
 public:
  virtual ~Heartbeat() = default;
  /// The reply's JSON object.
  virtual Result<std::string> beat(std::string_view control_plane, std::string_view token,
                                   std::string_view beat_json, Millis timeout) = 0;
};

}  // namespace skep::ports
