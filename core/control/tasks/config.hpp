// What the configuration says of tasks, leases and results: the values as written, and their rows.
#pragma once

#include <span>

namespace skep::config {
struct Key;
}

namespace skep::control {

struct TaskConfig {
  double lease_seconds = 90;
  double lost_after_seconds = 300;  ///< from the end of the lease to giving the attempt up
  double reaper_interval_seconds = 5;
  double restart_grace_seconds = 300;  ///< after a start no attempt is given up for silence
  double retry_base_seconds = 5;
  double retry_cap_seconds = 900;
  double retention_days = 90;  ///< ended tasks, and events, are kept so long; 0 = for ever
  int max_attempts = 5;        ///< default of a task
  int max_crashes = 3;
};

/// Rows of the section [control], for core/config/keys.cpp. [any]
std::span<const config::Key> task_keys();

}  // namespace skep::control
