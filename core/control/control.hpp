// The control role: features on a queue, a store and a clock, and the reconciler that brings home
// what follows from tasks that ended.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/control/damage.hpp"
#include "core/control/features.hpp"
#include "core/control/http_metrics.hpp"
#include "core/control/probe.hpp"
#include "core/control/reconciler.hpp"

namespace skep::control {

/// The ports and the clock must outlive it; the server that serves `routes()` must be stopped
/// before it goes.
class Control {
 public:
  Control(ports::Queue& queue, ports::Store& store, Clock& clock, const config::Config& config,
          const std::vector<ports::TaskType>& own_types);
  ~Control();
  /// Brings the store's schema up to date, loads every feature, starts the background services.
  Status start();
  /// Only the schema and what is kept in memory: for tests that make the services' steps
  /// themselves.
  Status prepare();
  void stop();
  /// Something else that must be well. Before start(); see Probe.
  void also_probe(std::string_view name, Probe::Ask ask);

  /// Takes what is live of a changed configuration. [any]
  void apply(const config::Config& config);
  /// What must be well for it to be ready, as it was found last. Asks nothing. [any]
  std::vector<api::Health::Check> checks();
  /// Asks queue and store now, as the background does once a second. [one thread]
  void look();
  /// The whole route table.
  std::vector<net::Route> routes();

  /// The feature of that class; it is in the list.
  template <class F>
  F& feature() {
    for (const auto& f : features_)
      if (auto* found = dynamic_cast<F*>(f.get())) return *found;
    throw std::logic_error("no such feature in features.cpp");
  }
  /// To be told of each request that the server answered.
  HttpMetrics& http_metrics() { return http_metrics_; }
  Reconciler& reconciler() { return reconciler_; }
  Platform& platform() { return platform_; }

 private:
  WatchedQueue queue_;
  WatchedStore store_;
  Platform platform_;
  HttpMetrics http_metrics_;
  FeatureList features_;
  Reconciler reconciler_;
  std::vector<std::unique_ptr<Probe>> probes_;
};

}  // namespace skep::control
