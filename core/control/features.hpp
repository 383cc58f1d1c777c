// The features of the control role, in order. Adding one is a folder and a line of features.cpp.
#pragma once

#include <memory>
#include <vector>

#include "core/control/feature.hpp"

namespace skep::control {

using FeatureList = std::vector<std::unique_ptr<Feature>>;

/// `own_types` are the task types of this node's own plugins. `platform` outlives the list.
FeatureList make_features(Platform& platform, const config::Config& config,
                          const std::vector<ports::TaskType>& own_types);

}  // namespace skep::control
