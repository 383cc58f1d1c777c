#include "core/control/artifacts/config.hpp"

#include "core/config/keys.hpp"

namespace skep::control {

// clang-format off
std::span<const config::Key> artifact_keys() {
  static const std::vector<config::Key> rows{
    {.section = "control", .name = "artifact_mb", .field = SKEP_CONFIG_AT(artifacts.artifact_mb), .live = true,
     .doc = "Largest [artifact](../artifacts.md) of a task, and largest input.", .unit = "MB",
     .min = 0.001, .max = 1e9},
    {.section = "control", .name = "artifacts_quota_mb", .field = SKEP_CONFIG_AT(artifacts.artifacts_quota_mb),
     .live = true, .doc = "All artifacts and inputs together; 0 is as much as the disk has room for.",
     .unit = "MB", .min = 0, .max = 1e9},
    {.section = "control", .name = "artifacts_free_mb", .field = SKEP_CONFIG_AT(artifacts.artifacts_free_mb),
     .live = true, .doc = "So much of the disk artifacts leave free; a control plane without it takes none until "
                          "there is room.",
     .unit = "MB", .min = 0, .max = 1e9},
  };
  return rows;
}
// clang-format on

}  // namespace skep::control
