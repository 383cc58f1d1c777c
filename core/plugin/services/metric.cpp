#include <atomic>

#include "core/base/gauges.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

std::atomic<MetricSink> g_metric_sink{nullptr};

void set_figure(const skep_host* host, skep_view name, double value, bool adds) noexcept {
  try {
    if (!PluginHost::of(host).admit(SKEP_SVC_METRIC)) return;
    if (const MetricSink sink = g_metric_sink.load()) return sink(text(name), value, adds);
    const std::string& owner = PluginHost::of(host).plugin_id();
    adds ? gauges::add(owner, text(name), value) : gauges::set(owner, text(name), value);
  } catch (...) {
    // A figure that finds no memory must not end the host.
  }
}

void set_gauge(const skep_host* host, skep_view name, double value) noexcept {
  set_figure(host, name, value, false);
}

void add_count(const skep_host* host, skep_view name, double delta) noexcept {
  set_figure(host, name, delta, true);
}

}  // namespace

void set_metric_sink(MetricSink sink) { g_metric_sink.store(sink); }

const skep_svc_metric_v1& metric_service() {
  static constexpr skep_svc_metric_v1 table{sizeof(skep_svc_metric_v1), 0, set_gauge, add_count};
  return table;
}

}  // namespace skep::plugin
