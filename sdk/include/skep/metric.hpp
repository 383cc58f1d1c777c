// C++20 layer over skep.svc.metric/1: figures of a plugin among the host's metrics.
#ifndef SKEP_METRIC_HPP
#define SKEP_METRIC_HPP

#include "skep/plugin.hpp"
#include "skep/svc/metric.h"

namespace skep {

/// Sets a gauge of this plugin; does nothing on a host without metrics. Names: skep/svc/metric.h.
inline void set_gauge(std::string_view name, double value) noexcept {
  if (const auto* svc = service<skep_svc_metric_v1>(SKEP_SVC_METRIC))
    svc->set_gauge(host(), view(name), value);
}

/// Adds to a counter of this plugin, which only grows.
inline void count(std::string_view name, double delta = 1) noexcept {
  if (const auto* svc = service<skep_svc_metric_v1>(SKEP_SVC_METRIC))
    svc->add(host(), view(name), delta);
}

}  // namespace skep

#endif
