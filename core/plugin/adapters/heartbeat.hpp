// A heartbeat plugin as ports::Heartbeat.
#pragma once

#include <memory>

#include "core/ports/heartbeat.hpp"
#include "skep/kind/heartbeat.h"

namespace skep::plugin {

/// One call at a time. `keep_alive` owns what `table` and `inst` live in.
class HeartbeatAdapter final : public ports::Heartbeat {
 public:
  HeartbeatAdapter(const skep_heartbeat_v1* table, skep_inst* inst,
                   std::shared_ptr<void> keep_alive)
      : table_(table), inst_(inst), keep_alive_(std::move(keep_alive)) {}

  Result<std::string> beat(std::string_view control_plane, std::string_view token,
                           std::string_view beat_json, Millis timeout) override;

 private:
  const skep_heartbeat_v1* table_;
  skep_inst* inst_;
  std::shared_ptr<void> keep_alive_;
};

}  // namespace skep::plugin
