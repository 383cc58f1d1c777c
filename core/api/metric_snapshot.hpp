// Metrics that are computed when they are asked for, in Prometheus' text format.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "core/api/process_json.hpp"

namespace skep::api {

/// A family of values, each with its labels.
class Snapshot {
 public:
  using Labels = std::vector<prometheus::ClientMetric::Label>;

  Snapshot(std::string name, std::string help,
           prometheus::MetricType type = prometheus::MetricType::Gauge);
  void add(double value, Labels labels = {});
  prometheus::MetricFamily take() { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
};

/// What plugins keep in core/base/gauges.hpp: what may fall, and what only grows.
std::vector<prometheus::MetricFamily> plugin_figures();

/// Of each check whether it failed, also of one that is advisory.
prometheus::MetricFamily check_gauges(const std::vector<Health::Check>& checks);

/// Text format 0.0.4; families without a value are left out.
std::string render(std::vector<prometheus::MetricFamily> families);

}  // namespace skep::api
