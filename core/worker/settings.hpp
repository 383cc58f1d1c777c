// What may change while a worker runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/live.hpp"
#include "core/config/config.hpp"
#include "core/worker/attempt_folders.hpp"

namespace skep::worker {

struct Settings {
  std::map<std::string, bool> capabilities;
  int concurrency = 4;
  int batch_size = 8;  ///< most tasks per claim, and most to hold in advance
  Millis poll_interval{5'000};
  Millis heartbeat_interval{30'000};
  Millis drain{30'000};  ///< running tasks get so long when the worker stops
  std::uint64_t result_reserve_bytes = 1u << 20;
  ArtifactLimits artifacts{};

  bool operator==(const Settings&) const = default;
};

Settings settings_of(const config::Config::Worker& worker);

using LiveSettings = Live<Settings>;

}  // namespace skep::worker
