#include "core/control/workers/config.hpp"
#include "core/config/keys.hpp"

namespace skep::control {

using config::kDay;

// clang-format off
std::span<const config::Key> presence_keys() {
  static const std::vector<config::Key> rows{
    {.section = "control", .name = "offline_after_seconds",
     .field = SKEP_CONFIG_AT(presence.offline_after_seconds), .live = true,
     .doc = "A worker without a heartbeat for so long is offline.", .unit = "seconds",
     .min = 1, .max = 7 * kDay},
    {.section = "control", .name = "stale_after_seconds", .field = SKEP_CONFIG_AT(presence.stale_after_seconds),
     .live = true, .doc = "A worker without a heartbeat for so long is stale.", .unit = "seconds",
     .min = 1, .max = 30 * kDay},
  };
  return rows;
}
// clang-format on

}  // namespace skep::control
