// What the configuration says of the directory of workers: the values as written, and their rows.
#pragma once

#include <span>

namespace skep::config {
struct Key;
}

namespace skep::control {

struct PresenceConfig {
  double offline_after_seconds = 90;  ///< a worker without beats is offline
  double stale_after_seconds = 300;
  double forget_workers_days = 30;  ///< without a beat; 0 = never
};

/// Rows of the section [control], for core/config/keys.cpp. [any]
std::span<const config::Key> presence_keys();

}  // namespace skep::control
