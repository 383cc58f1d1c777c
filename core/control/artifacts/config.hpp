// What the configuration says of artifacts and inputs: the values as written, and their rows.
#pragma once

#include <span>

namespace skep::config {
struct Key;
}

namespace skep::control {

struct ArtifactConfig {
  double artifact_mb = 4096;       ///< largest artifact or input
  double artifacts_quota_mb = 0;   ///< all of them; 0 = as the disk has room
  double artifacts_free_mb = 256;  ///< of the disk, left for the others
};

/// Rows of the section [control], for core/config/keys.cpp. [any]
std::span<const config::Key> artifact_keys();

}  // namespace skep::control
