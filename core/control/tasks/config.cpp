#include "core/control/tasks/config.hpp"
#include "core/config/keys.hpp"

namespace skep::control {

using config::kDay;

// clang-format off
std::span<const config::Key> task_keys() {
  static const std::vector<config::Key> rows{
    {.section = "control", .name = "lease_seconds", .field = SKEP_CONFIG_AT(tasks.lease_seconds), .live = true,
     .doc = "How long a worker holds a task without renewing it.", .unit = "seconds",
     .min = 1, .max = kDay},
    {.section = "control", .name = "lost_after_seconds", .field = SKEP_CONFIG_AT(tasks.lost_after_seconds),
     .live = true, .doc = "From the end of a lease to giving the attempt up.", .unit = "seconds",
     .min = 0, .max = 7 * kDay},
    {.section = "control", .name = "reaper_interval_seconds",
     .field = SKEP_CONFIG_AT(tasks.reaper_interval_seconds), .live = true,
     .doc = "How often attempts of silent workers are looked at.", .unit = "seconds",
     .min = 0.05, .max = 3600},
    {.section = "control", .name = "restart_grace_seconds",
     .field = SKEP_CONFIG_AT(tasks.restart_grace_seconds),
     .doc = "After a start no attempt is given up for its worker's silence for so long.", .unit = "seconds",
     .min = 0, .max = kDay},
    {.section = "control", .name = "retry_base_seconds", .field = SKEP_CONFIG_AT(tasks.retry_base_seconds),
     .live = true, .doc = "Upper bound of the delay before the first retry; it doubles with each.",
     .unit = "seconds", .min = 0.001, .max = kDay},
    {.section = "control", .name = "retry_cap_seconds", .field = SKEP_CONFIG_AT(tasks.retry_cap_seconds),
     .live = true, .doc = "Longest delay before a retry.", .unit = "seconds",
     .min = 0.001, .max = 7 * kDay},
    {.section = "control", .name = "retention_days", .field = SKEP_CONFIG_AT(tasks.retention_days),
     .live = true,
     .doc = "Ended tasks, their results and output, and events are kept so long; 0 keeps them for ever.",
     .unit = "days", .min = 0, .max = 36'500},
    {.section = "control", .name = "max_attempts", .field = SKEP_CONFIG_AT(tasks.max_attempts), .live = true,
     .doc = "Tries of a task that does not say how many.", .min = 1, .max = 100},
    {.section = "control", .name = "max_crashes", .field = SKEP_CONFIG_AT(tasks.max_crashes), .live = true,
     .doc = "A task is dead after so many attempts that took their worker down.",
     .min = 1, .max = 1000},
  };
  return rows;
}
// clang-format on

}  // namespace skep::control
