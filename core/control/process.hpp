// The control plane as a process: what it measures.
#pragma once

#include "core/control/features.hpp"
#include "core/control/http_metrics.hpp"

namespace skep::control {

/// GET /metrics. Both must outlive the route.
net::Route metrics_route(const HttpMetrics& http, const FeatureList& features);

}  // namespace skep::control
