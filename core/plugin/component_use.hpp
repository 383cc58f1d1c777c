// A component that a table of the configuration chose, such as [queue], and where its calls go.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"
#include "core/plugin/manifest.hpp"
#include "core/plugin/route.hpp"

namespace skep::plugin {

struct ComponentUse {
  std::string component;
  std::string kind;
  json::object table;  ///< that chose it
  std::shared_ptr<Route> route;
  const skep_inst* inst = nullptr;  ///< that serves now
};
using ComponentUses = std::vector<std::shared_ptr<ComponentUse>>;

/// What the manifest says of such a component; null when it has none.
const ManifestComponent* find_component(const Manifest& manifest, std::string_view name,
                                        std::string_view kind);

}  // namespace skep::plugin
