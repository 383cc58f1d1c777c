// The control plane as a process: is it ready, what does it measure.
#pragma once

#include <vector>

#include "core/control/features.hpp"
#include "core/control/http_metrics.hpp"

namespace skep::control {

/// What a submit asks, and what the features say of themselves. Asks queue and store. [any]
std::vector<Check> all_checks(Platform& platform, const FeatureList& features);

/// GET /metrics. Both must outlive the route.
net::Route metrics_route(const HttpMetrics& http, const FeatureList& features);

}  // namespace skep::control
