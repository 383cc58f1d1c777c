// The first generation of a plugin, and task types that it serves later.
#include <algorithm>

#include "core/base/events.hpp"
#include "core/plugin/registry_impl.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

constexpr std::size_t kShownGenerations = 8;

}  // namespace

void publish_failed(const Plugin& plugin, std::string_view step, std::string_view reason) {
  events::publish(
      log::Level::kError, "plugin.failed",
      {{"id", plugin.id}, {"step", step}, {"generation", plugin.last_number}, {"reason", reason}});
}

std::unique_ptr<Running> Registry::Impl::make_running(Plugin& plugin,
                                                      std::shared_ptr<const Recipe> recipe) {
  GenerationInfo info;
  info.number = ++plugin.last_number;
  info.version = recipe->manifest.version;
  info.sha256 = recipe->file.sha256;
  info.isolation = recipe->isolation;
  auto generation = std::make_shared<Generation>(plugin.id, std::move(info));
  {
    const std::lock_guard lock(mutex);
    plugin.generations.push_front(generation);
    if (plugin.generations.size() > kShownGenerations) plugin.generations.pop_back();
  }
  return std::make_unique<Running>(std::move(recipe), std::move(generation), running_host());
}

Plugin& Registry::Impl::plugin_of(const CatalogEntry& entry) {
  const std::lock_guard lock(mutex);
  Plugin& plugin = plugins[entry.info.id];
  plugin.id = entry.info.id;
  return plugin;
}

Result<std::unique_ptr<Running>> Registry::Impl::load(const CatalogEntry& entry, Plugin& plugin,
                                                      bool needed) {
  if (plugin.current) return std::unique_ptr<Running>();
  const auto staged = image_of(plugin, entry.info.path);
  if (!staged) return staged.error();
  if (quarantine.has(staged->sha256)) {
    const Error bad = quarantine.refusal(staged->sha256);
    if (!needed) return bad;
    log::warn("plugin_quarantine_ignored", {{"plugin", plugin.id},
                                            {"reason", bad.message},
                                            {"effect", "the node needs it and has no other"}});
  }
  auto recipe = verify(entry, plugin, *staged);
  if (!recipe) return recipe.error();
  SKEP_TRY(probe(**recipe, plugin.last_number + 1));
  auto running = make_running(plugin, std::move(*recipe));
  SKEP_TRY(start_code(*running));
  return running;
}

/// Children end before list() has to wait for them.
void Registry::Impl::give_up_load(const Plugin& plugin, std::unique_ptr<Running> fresh,
                                  const std::string& reason) {
  if (fresh) fresh->generation()->move_to("failed", reason);
  fresh.reset();
  publish_failed(plugin, "load", reason);
}

std::string Registry::Impl::start_free_types(Plugin& plugin, Running& running) {
  std::string problems;
  const auto problem = [&](const std::string& text) {
    problems += (problems.empty() ? "" : "\n") + text;
  };
  std::vector<std::shared_ptr<TaskComponent>> tasks = table->components_of(plugin.id);
  const std::size_t before = tasks.size();
  plugin.shadowed.clear();
  for (const ManifestComponent& c : running.recipe().manifest.components) {
    if (c.kind != SKEP_KIND_TASK) continue;
    const std::string owner = table->owner_of(c.name);
    if (owner == plugin.id) continue;
    if (!owner.empty()) {
      log::warn("task_type_shadowed", {{"type", c.name}, {"plugin", plugin.id}, {"used", owner}});
      plugin.shadowed.insert(c.name);
      continue;
    }
    auto task = running.start_task(c);
    if (task) {
      tasks.push_back(std::move(*task));
      continue;
    }
    log::error("task_type_failed",
               {{"type", c.name}, {"plugin", plugin.id}, {"error", task.error().message}});
    problem(task.error().with_advice());
  }
  const bool more = tasks.size() > before;
  const Status put = more ? table->put(running.generation(), std::move(tasks)) : Status();
  if (!put) problem(put.error().with_advice());
  if ((more && put) || !plugin.shadowed.empty()) plugin.tasks_serve = true;
  return problems;
}

void Registry::Impl::serve_tasks(CatalogEntry& entry) {
  tried[entry.info.path] = entry.info.sha256;
  Plugin& plugin = plugin_of(entry);
  if (plugin.tasks_serve && plugin.current) return;
  const auto refused = [&](std::unique_ptr<Running> fresh, const std::string& reason) {
    give_up_load(plugin, std::move(fresh), reason);
    const std::lock_guard lock(mutex);
    plugin.trouble.clear();
    refuse(entry, reason);
  };
  auto fresh = load(entry, plugin);
  if (!fresh) return refused(nullptr, fresh.error().with_advice());
  plugin.tasks_serve = false;
  const std::string problems = start_free_types(plugin, *fresh ? **fresh : *plugin.current);
  if (!problems.empty() && *fresh && !plugin.tasks_serve)
    return refused(std::move(*fresh), problems);
  if (*fresh) make_current(plugin, std::move(*fresh));
  const std::lock_guard lock(mutex);
  if (!problems.empty()) plugin.trouble = problems;
}

void Registry::Impl::serve_freed_types() {
  for (auto& [id, plugin] : plugins) {
    const bool freed = plugin.current &&
                       std::any_of(plugin.shadowed.begin(), plugin.shadowed.end(),
                                   [&](const auto& type) { return table->owner_of(type).empty(); });
    if (!freed) continue;
    const std::string problems = start_free_types(plugin, *plugin.current);
    if (problems.empty()) continue;
    publish_failed(plugin, "start", problems);
    const std::lock_guard lock(mutex);
    plugin.trouble = problems;
  }
}

}  // namespace skep::plugin
