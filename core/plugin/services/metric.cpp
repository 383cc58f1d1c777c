#include "core/base/gauges.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

void set_gauge(const skep_host* host, skep_view name, double value) noexcept {
  try {
    if (!PluginHost::of(host).admit(SKEP_SVC_METRIC)) return;
    gauges::set(PluginHost::of(host).plugin_id(), text(name), value);
  } catch (...) {
    // A figure that finds no memory must not end the host.
  }
}

}  // namespace

const skep_svc_metric_v1& metric_service() {
  static constexpr skep_svc_metric_v1 table{sizeof(skep_svc_metric_v1), 0, set_gauge};
  return table;
}

}  // namespace skep::plugin
