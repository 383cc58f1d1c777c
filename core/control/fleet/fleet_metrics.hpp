// What the control plane counts of the fleet registry. Names: docs/reference/metrics.md.
#pragma once

#include <prometheus/metric_family.h>

#include <memory>
#include <string_view>
#include <vector>

#include "core/control/fleet/rollout.hpp"
#include "core/control/workers/worker_directory.hpp"

namespace skep::control {

class FleetMetrics {
 public:
  FleetMetrics();
  ~FleetMetrics();
  /// "published", "canary", "promoted", "rolled_back", "withdrawn" or "failed". [any]
  void event(std::string_view what);
  /// Appends the events so far and the state given. [any]
  void collect(const std::vector<Release>& releases, const std::vector<WorkerRecord>& workers,
               std::vector<prometheus::MetricFamily>& out) const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace skep::control
