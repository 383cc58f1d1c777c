#include "core/plugin/running.hpp"

#include <algorithm>

#include "core/base/log.hpp"
#include "core/plugin/kinds.hpp"
#include "core/plugin/services/host.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

ports::TaskType task_type(const Manifest& manifest, const ManifestComponent& c) {
  return {c.name, c.description, manifest.version, c.params_schema ? c.params_schema->text() : "{}",
          c.default_timeout_ms};
}

/// In this process a hang would hold the registry. Queues and stores may have a large file to mend,
/// spools many of them to look at.
Patience patience_of(const Recipe& recipe) {
  constexpr Millis kFiles{120'000};
  constexpr Millis kStop{30'000};
  const auto& components = recipe.manifest.components;
  const bool tasks_alone = std::all_of(components.begin(), components.end(),
                                       [](const auto& c) { return c.kind == SKEP_KIND_TASK; });
  const Millis own = recipe.table.limits.start_timeout;
  return {tasks_alone ? own : std::max(own, kFiles), tasks_alone ? own : std::max(own, kStop)};
}

/// Nobody else has it but a call that was given up and is inside.
void tell_if_held(const std::shared_ptr<Instance>& instance) {
  if (instance.use_count() == 1) return;
  log::error("plugin_given_up",
             {{"plugin", instance->plugin_id()},
              {"component", instance->component()},
              {"step", "stop"},
              {"effect", "a call is inside that has not come back: it is stopped after that"}});
}

}  // namespace

Result<ChildPlugin> child_plugin(const Recipe& recipe, const ManifestComponent& component,
                                 std::uint64_t generation, const RunningHost& host) {
  auto config = component_config(recipe.manifest, component, recipe.table.settings, {});
  if (!config) return config.error();
  ChildPlugin out;
  out.plughost = host.plughost;
  if (out.plughost.empty()) {
    auto found = find_plughost();
    if (!found) return found.error();
    out.plughost = std::move(*found);
  }
  out.file = recipe.file;
  out.plugin_id = recipe.manifest.id;
  out.version = recipe.manifest.version;
  out.component = component.name;
  out.kind = component.kind;
  out.config_json = std::move(*config);
  out.generation = generation;
  out.per_task = recipe.isolation == "per-task";
  out.limits = recipe.table.limits;
  out.cancel_grace = Millis(component.cancel_grace_ms);
  out.state_dir = host.state_dir;
  out.node_id = host.node_id;
  out.site = host.site;
  out.permissions = permissions(recipe.manifest);
  return out;
}

Running::Running(std::shared_ptr<const Recipe> recipe, std::shared_ptr<Generation> generation,
                 RunningHost host)
    : recipe_(std::move(recipe)), generation_(std::move(generation)), host_(std::move(host)) {}

Running::~Running() { stop(); }

Status Running::open() {
  if (code_) return {};
  const Manifest& manifest = recipe_->manifest;
  const PluginFacts facts{manifest.id,
                          manifest.version,
                          generation_->number(),
                          permissions(manifest),
                          host_.state_dir,
                          host_.node_id,
                          host_.site};
  auto code = LoadedPlugin::load(facts, recipe_->file, patience_of(*recipe_));
  if (!code) return code.error();
  code_ = std::move(*code);
  return {};
}

Result<std::shared_ptr<Instance>> Running::start_instance(const ManifestComponent& component,
                                                          const std::string& config) {
  SKEP_TRY(open());
  auto instance = Instance::start(code_, component.name, component.kind, config);
  if (instance) instances_.push_back(*instance);
  return instance;
}

Result<std::unique_ptr<TaskTarget>> Running::start_children(const ManifestComponent& component,
                                                            const std::string& config) {
  auto plugin = child_plugin(*recipe_, component, generation_->number(), host_);
  if (!plugin) return plugin.error();
  plugin->config_json = config;
  auto group = ChildGroup::start(std::move(*plugin));
  if (!group) return group.error();
  groups_.push_back(*group);
  return (*group)->task_target();
}

Result<std::shared_ptr<TaskComponent>> Running::start_task(const ManifestComponent& component) {
  const Manifest& manifest = recipe_->manifest;
  const auto config = component_config(manifest, component, recipe_->table.settings, {});
  if (!config) return config.error();
  std::unique_ptr<TaskTarget> target;
  if (recipe_->isolation == "inproc") {
    auto instance = start_instance(component, *config);
    if (!instance) return instance.error();
    target = std::make_unique<InprocTarget>(static_cast<const skep_task_v1*>((*instance)->iface()),
                                            (*instance)->handle(), nullptr, manifest.id);
  } else {
    auto children = start_children(component, *config);
    if (!children) return children.error();
    target = std::move(*children);
  }
  return std::make_shared<TaskComponent>(
      std::move(target),
      TaskComponent::Options{manifest.id, task_type(manifest, component), component.params_schema,
                             component.max_concurrency});
}

Result<Route::Target> Running::start_component(const ManifestComponent& component,
                                               const json::object& table) {
  const auto config =
      component_config(recipe_->manifest, component, recipe_->table.settings, table);
  if (!config) return config.error();
  const auto instance = start_instance(component, *config);
  if (!instance) return instance.error();
  const Kind* kind = find_kind(component.kind);
  return Route::Target{generation_, (*instance)->iface(), (*instance)->handle(),
                       std::string(kind->word) + " " + component.name, *instance};
}

void Running::stop_component(const skep_inst* inst) {
  const auto last = std::stable_partition(instances_.begin(), instances_.end(),
                                          [&](const auto& i) { return i->handle() != inst; });
  std::for_each(last, instances_.end(), tell_if_held);
  instances_.erase(last, instances_.end());
}

/// What hangs would hardly hear of it, and would keep everybody else waiting.
void Running::drain(MonoMs deadline) {
  if (!generation_->hung().all().empty()) return;
  for (const auto& instance : instances_) instance->drain(deadline);
}

Millis Running::longest_end() const {
  constexpr Millis kKill{5'000};  // SIGKILL, and what the child left behind
  Millis longest{0};
  for (const ManifestComponent& c : recipe_->manifest.components)
    longest = std::max(longest, Millis(c.cancel_grace_ms));
  if (groups_.empty()) return longest;
  return recipe_->table.limits.cancel_grace.value_or(longest) + kKill;
}

void Running::stop() {
  std::for_each(instances_.begin(), instances_.end(), tell_if_held);
  instances_.clear();
  for (const auto& group : groups_) group->stop();
  groups_.clear();
}

}  // namespace skep::plugin
