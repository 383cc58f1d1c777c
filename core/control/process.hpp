// The control plane as a process: what it measures.
#pragma once

#include "core/control/features.hpp"
#include "core/control/http_metrics.hpp"

namespace skep::control {

/// GET /metrics: what a feature cannot say now is left out, and the check "metrics" has failed. All
/// must outlive the route.
net::Route metrics_route(const Platform& platform, const HttpMetrics& http,
                         const FeatureList& features);

}  // namespace skep::control
