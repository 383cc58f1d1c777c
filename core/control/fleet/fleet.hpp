// The feature "fleet": the registry of scripts and plugins that workers fetch.
#pragma once

#include "core/control/feature.hpp"
#include "core/control/fleet/fleet_registry.hpp"
#include "core/control/workers/workers.hpp"

namespace skep::control {

class Fleet final : public Feature {
 public:
  Fleet(Platform& p, Workers& w, const EventLog& events)
      : platform(p), workers(w), registry(p, w.directory, counts, events) {}

  std::vector<Migrations> migrations() const override;
  Status load() override { return registry.load(); }
  std::vector<Service*> services() override { return {&registry}; }
  std::vector<net::Route> routes() override;
  Status effects(std::span<const ports::Completion> ended, Effects& out) override {
    return registry.count(ended, out);
  }
  Status metrics(std::vector<prometheus::MetricFamily>& out) override;
  WorkerHooks worker_hooks() override;

  Platform& platform;
  Workers& workers;
  FleetMetrics counts;
  FleetRegistry registry;
};

}  // namespace skep::control
