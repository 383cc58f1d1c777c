#include "core/control/features.hpp"

#include "core/control/artifacts/artifacts.hpp"
#include "core/control/events/events.hpp"
#include "core/control/fleet/fleet.hpp"
#include "core/control/overview/overview.hpp"
#include "core/control/tasks/tasks.hpp"
#include "core/control/workers/workers.hpp"

namespace skep::control {

FeatureList make_features(Platform& platform, const config::Config& config,
                          const std::vector<ports::TaskType>& own_types) {
  FeatureList list;
  const auto add = [&]<class F>(std::unique_ptr<F> feature) -> F& {
    F& added = *feature;
    list.push_back(std::move(feature));
    return added;
  };
  // A feature comes after those that it names: they have loaded, and hear of workers, before it.
  auto& events = add(std::make_unique<Events>(platform, config));
  auto& workers = add(std::make_unique<Workers>(platform, config, events.log));
  auto& artifacts = add(std::make_unique<Artifacts>(platform, config));
  add(std::make_unique<Tasks>(platform, config, workers, artifacts, events.log, own_types));
  add(std::make_unique<Fleet>(platform, workers, events.log));
  add(std::make_unique<Overview>(platform, workers));
  return list;
}

}  // namespace skep::control
