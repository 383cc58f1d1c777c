// A feature of the control role: one folder, one class, one line in features.cpp. Everything that
// others need of it is said here; nobody else knows its tables.
//
// A control plane makes its features in their order, brings all their tables up to date, loads
// each, starts their services in order and serves their routes; it stops the services in reverse.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/service.hpp"
#include "core/config/config.hpp"
#include "core/control/platform.hpp"
#include "core/control/workers/worker_hooks.hpp"

namespace skep::control {

/// A line of migrations: grows at its end only, a store counts by name how many it has seen.
struct Migrations {
  std::string name;
  std::vector<std::string> statements;
};

/// Statements that join the transaction which moves the reconciler's cursor: they count once, also
/// when the process dies at any instant.
using Effects = std::vector<ports::Statement>;

/// What must be well for the control plane to be ready.
struct Check {
  std::string_view name;
  Status status;
};

class Feature {
 public:
  virtual ~Feature() = default;
  Feature() = default;
  Feature(const Feature&) = delete;
  Feature& operator=(const Feature&) = delete;

  virtual std::vector<Migrations> migrations() const { return {}; }
  /// Reads what it keeps in memory. Its tables are there; nothing is served yet.
  virtual Status load() { return {}; }
  virtual std::vector<Service*> services() { return {}; }
  virtual std::vector<net::Route> routes() { return {}; }
  /// What follows from tasks that ended, in the order in which they ended: statements, and nothing
  /// that may not happen twice, for a round that fails is asked for again. An error leaves the
  /// round of all features to the next try. [reconciler's thread]
  virtual Status effects(std::span<const ports::Completion> /*ended*/, Effects& /*out*/) {
    return {};
  }
  /// The effects of a round are in the store. Advisory: a crash in between leaves it out.
  /// [reconciler's thread]
  virtual void applied() {}
  /// Appends its families for GET /metrics. [any]
  virtual Status metrics(std::vector<prometheus::MetricFamily>& /*out*/) { return {}; }
  /// Lines of GET /health and /readyz, from memory: who asks waits for nothing. [any]
  virtual std::vector<Check> checks() { return {}; }
  /// What it does when workers register, beat, ask for news or go. Asked once, before load().
  virtual WorkerHooks worker_hooks() { return {}; }
  /// Takes what is live of a changed configuration; a start gave it to the constructor. [any]
  virtual void apply(const config::Config& /*config*/) {}
};

}  // namespace skep::control
