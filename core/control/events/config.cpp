#include "core/control/events/config.hpp"

#include <array>

#include "core/config/keys.hpp"

namespace skep::control {

using config::Format;

std::span<const std::string_view> event_kinds() {
  static constexpr std::array<std::string_view, 14> kKinds{
      "task.succeeded",      "task.failed",       "task.cancelled", "task.dead",
      "worker.registered",   "worker.paused",     "worker.resumed", "worker.draining",
      "worker.removed",      "release.published", "release.canary", "release.promoted",
      "release.rolled_back", "release.withdrawn"};
  return kKinds;
}

// clang-format off
std::span<const config::Key> event_keys() {
  static const std::vector<config::Key> rows{
    {.section = "control", .name = "events", .field = SKEP_CONFIG_AT(events.events), .live = true,
     .doc = "Kinds of [events](events.md) that are kept in the database: names, or beginnings with "
            "`*`; not those with a `!` before. An empty list keeps none.", .format = Format::kEventPattern},
    {.section = "control", .name = "max_events", .field = SKEP_CONFIG_AT(events.max_events), .live = true,
     .doc = "Most events kept; the oldest go, and those older than `retention_days`.",
     .min = 1000, .max = 1'000'000'000},
  };
  return rows;
}
// clang-format on

}  // namespace skep::control
