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
    {.section = "control", .name = "forget_workers_days", .field = SKEP_CONFIG_AT(presence.forget_workers_days),
     .live = true,
     .doc = "A worker without a heartbeat for so long is forgotten, and what it held goes back; 0 = never.",
     .unit = "days", .min = 0, .max = 36'500},
  };
  return rows;
}
// clang-format on

}  // namespace skep::control
