#include "core/control/events/config.hpp"
#include "core/config/keys.hpp"

namespace skep::control {

using config::Format;

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
