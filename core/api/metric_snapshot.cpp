#include "core/api/metric_snapshot.hpp"

#include <prometheus/text_serializer.h>

#include "core/base/gauges.hpp"

namespace skep::api {

Snapshot::Snapshot(std::string name, std::string help, prometheus::MetricType type) {
  family_.name = std::move(name);
  family_.help = std::move(help);
  family_.type = type;
}

void Snapshot::add(double value, Labels labels) {
  prometheus::ClientMetric m;
  m.label = std::move(labels);
  if (family_.type == prometheus::MetricType::Counter)
    m.counter.value = value;
  else
    m.gauge.value = value;
  family_.metric.push_back(std::move(m));
}

std::vector<prometheus::MetricFamily> plugin_figures() {
  Snapshot values("skep_plugin_value", "Figures that plugins keep about themselves.");
  Snapshot counts("skep_plugin_count_total", "What plugins count since the node started.",
                  prometheus::MetricType::Counter);
  for (const gauges::Gauge& g : gauges::all())
    (g.counts ? counts : values).add(g.value, {{"plugin", g.owner}, {"name", g.name}});
  return {values.take(), counts.take()};
}

prometheus::MetricFamily check_gauges(const std::vector<Health::Check>& checks) {
  Snapshot out("skep_check_failed", "1 while a check of the node fails, as its readiness says.");
  for (const Health::Check& check : checks)
    out.add(check.problem.empty() ? 0 : 1, {{"check", check.name}});
  return out.take();
}

std::string render(std::vector<prometheus::MetricFamily> families) {
  std::erase_if(families, [](const prometheus::MetricFamily& f) { return f.metric.empty(); });
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace skep::api
