// The feature "workers": who there is, how they are, what people want of them.
#pragma once

#include "core/control/feature.hpp"
#include "core/control/workers/worker_retention.hpp"
#include "core/control/workers/worker_service.hpp"

namespace skep::control {

/// What [control] says of workers.
WorkerDirectory::Limits worker_limits(const config::Config& config);
std::int64_t worker_keep_ms(const config::Config& config);  ///< 0 = for ever

class Workers final : public Feature {
 public:
  /// All must outlive it.
  Workers(Platform& platform, const config::Config& config, const EventLog& events);

  std::vector<Migrations> migrations() const override;
  Status load() override;
  std::vector<Service*> services() override { return {&retention}; }
  std::vector<net::Route> routes() override;
  Status metrics(std::vector<prometheus::MetricFamily>& out) override;
  void apply(const config::Config& config) override;

  Platform& platform;
  WorkerDirectory directory;
  WorkerCredentials credentials;
  WorkerService service;
  WorkerRetention retention;
};

}  // namespace skep::control
