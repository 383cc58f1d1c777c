// One generation of a plugin in service: its code or its children, its instances, its tasks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/plugin/adapters/task.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "core/plugin/manifest.hpp"
#include "core/plugin/route.hpp"
#include "core/plugin/tables.hpp"

namespace skep::plugin {

/// What a generation is made of; enough to make it again.
struct Recipe {
  Staged file;
  std::string source;  ///< where the file came from
  Manifest manifest;
  PluginTable table;
  std::string isolation;  ///< of its task components: inproc, process or per-task
};

/// What it needs of the node.
struct RunningHost {
  std::string state_dir;
  std::string node_id;
  std::string site;
  std::string plughost;  ///< "" = find_plughost()
};

/// Not for several threads at once. Nobody may visit its generation when it is destroyed:
/// destroying stops and destroys the instances and closes the code, whose services answer with
/// tombstones from then on. The code stays mapped.
class Running {
 public:
  Running(std::shared_ptr<const Recipe> recipe, std::shared_ptr<Generation> generation,
          RunningHost host);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  const Recipe& recipe() const { return *recipe_; }
  std::shared_ptr<const Recipe> shared_recipe() const { return recipe_; }
  const std::shared_ptr<Generation>& generation() const { return generation_; }

  /// Maps the code and calls open(), unless that is done. Components do it themselves.
  Status open();
  /// Creates and starts a task component, in this process or in children.
  Result<std::shared_ptr<TaskComponent>> start_task(const ManifestComponent& component);
  /// Creates and starts a component of another kind, in this process. `table` is the one that chose
  /// it.
  Result<Route::Target> start_component(const ManifestComponent& component,
                                        const json::object& table);
  void stop_component(const skep_inst* inst);

  /// Tells every instance that no new calls come; wakes those that wait inside.
  void drain(MonoMs deadline);
  /// How long its calls may take to end once they are cancelled: by the manifest, or, in children,
  /// until they have been killed.
  Millis longest_end() const;
  /// Stops and destroys the instances; the code stays open. Nobody may be inside, but for calls
  /// that were given up: their instances stay until they have come back.
  void stop();

 private:
  Result<std::shared_ptr<Instance>> start_instance(const ManifestComponent& component,
                                                   const std::string& config);
  Result<std::unique_ptr<TaskTarget>> start_children(const ManifestComponent& component,
                                                     const std::string& config);

  std::shared_ptr<const Recipe> recipe_;
  std::shared_ptr<Generation> generation_;
  RunningHost host_;
  std::shared_ptr<LoadedPlugin> code_;
  std::vector<std::shared_ptr<Instance>> instances_;
  std::vector<std::shared_ptr<ChildGroup>> groups_;
};

/// A child as the task component would need it. kNotFound when there is no skep-plughost.
Result<ChildPlugin> child_plugin(const Recipe& recipe, const ManifestComponent& component,
                                 std::uint64_t generation, const RunningHost& host);

}  // namespace skep::plugin
