// The routes of the process itself: is it alive, is it ready, what does it measure.
#pragma once

#include <string>
#include <vector>

#include "core/control/features.hpp"
#include "core/control/http_metrics.hpp"

namespace skep::control {

/// All must outlive the routes.
std::vector<net::Route> process_routes(Platform& platform, const HttpMetrics& http,
                                       const FeatureList& features);

/// What is not well, such as "background: .. disk is full"; what /readyz says, too. [any]
std::vector<std::string> troubles_of(Platform& platform, const FeatureList& features);

}  // namespace skep::control
