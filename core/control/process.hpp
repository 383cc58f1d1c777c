// The routes of the process itself: is it alive, is it ready, what does it measure.
#pragma once

#include <vector>

#include "core/control/features.hpp"
#include "core/control/http_metrics.hpp"

namespace skep::control {

/// All must outlive the routes.
std::vector<net::Route> process_routes(Platform& platform, const HttpMetrics& http,
                                       const FeatureList& features);

}  // namespace skep::control
