// Inside of the registry, shared by registry.cpp and registry_slots.cpp.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/catalog.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/stage.hpp"
#include "core/plugin/task_table.hpp"

namespace skep::plugin {

struct Registry::Impl {
  explicit Impl(RegistryOptions o) : options(std::move(o)) {}

  RegistryOptions options;
  const std::shared_ptr<TaskTable> table = std::make_shared<TaskTable>();
  mutable std::mutex mutex;  ///< guards everything below
  std::vector<CatalogEntry> entries;
  std::optional<StagingArea> staging;

  /// Loads the entry's plugin unless it is loaded; refuses the entry when that fails.
  Result<std::shared_ptr<LoadedPlugin>> load(CatalogEntry& entry);
  /// An instance of the component that `name` means among those of `kind`.
  Result<std::shared_ptr<Instance>> open_slot(std::string_view kind, std::string_view name,
                                              std::string_view table_json);

 private:
  Result<std::shared_ptr<LoadedPlugin>> load_staged(const CatalogEntry& entry);
};

}  // namespace skep::plugin
