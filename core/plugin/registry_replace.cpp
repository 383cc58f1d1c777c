// One generation takes over from another: beside it or after it, swap, and onto probation.
#include <algorithm>

#include "core/plugin/probation.hpp"
#include "core/plugin/registry_impl.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

constexpr std::size_t kRecipesBefore = 3;

/// The strictest mode among the components of both generations that are in use.
std::string mode_of(const Plugin& plugin, const Manifest& next) {
  std::string mode = "parallel";
  const auto see = [&](const ManifestComponent& c) {
    const bool used = c.kind == SKEP_KIND_TASK ||
                      std::any_of(plugin.slots.begin(), plugin.slots.end(), [&](const auto& use) {
                        return use->component == c.name && use->kind == c.kind;
                      });
    if (used && (c.reload == "restart" || mode == "parallel")) mode = c.reload;
  };
  for (const ManifestComponent& c : next.components) see(c);
  for (const ManifestComponent& c : plugin.current->recipe().manifest.components) see(c);
  return mode;
}

}  // namespace

Status Registry::Impl::start_code(Running& running) {
  const Status status = running.recipe().isolation == "inproc" ? running.open() : Status();
  if (!status) running.generation()->move_to("failed", status.error().message);
  return status;
}

Result<Registry::Impl::Started> Registry::Impl::start_all(const Plugin& plugin,
                                                          Running& next) const {
  Started out;
  for (const ManifestComponent& c : next.recipe().manifest.components) {
    if (c.kind != SKEP_KIND_TASK || !plugin.tasks_serve) continue;
    if (const std::string owner = table->owner_of(c.name); !owner.empty() && owner != plugin.id) {
      out.shadowed.insert(c.name);
      continue;
    }
    auto task = next.start_task(c);
    if (!task) return task.error();
    out.tasks.push_back(std::move(*task));
  }
  for (const auto& use : plugin.slots) {
    const ManifestComponent* c = find_component(next.recipe().manifest, *use);
    if (c == nullptr) return internal_error("component " + use->component + " went away");
    auto target = next.start_slot(*c, use->table);
    if (!target) return target.error();
    out.slots.push_back(std::move(*target));
  }
  return out;
}

Status Registry::Impl::go_live(Plugin& plugin, Started started,
                               const std::shared_ptr<Generation>& generation) {
  generation->move_to("active");
  plugin.shadowed = std::move(started.shadowed);
  if (plugin.tasks_serve) SKEP_TRY(table->put(generation, std::move(started.tasks)));
  for (std::size_t i = 0; i < plugin.slots.size(); ++i) {
    plugin.slots[i]->inst = started.slots[i].inst;
    plugin.slots[i]->route->open(std::move(started.slots[i]));
  }
  return {};
}

Status Registry::Impl::replace_beside(Plugin& plugin, Running& next) {
  SKEP_TRY(start_code(next));
  auto started = start_all(plugin, next);
  if (!started) return started.error();
  return go_live(plugin, std::move(*started), next.generation());
}

Status Registry::Impl::bring_back(Plugin& plugin, std::shared_ptr<const Recipe> recipe,
                                  const std::shared_ptr<Generation>& generation) {
  if (!plugin.current) {
    auto again = std::make_unique<Running>(std::move(recipe), generation, running_host());
    const std::lock_guard lock(mutex);
    plugin.current.swap(again);
  }
  auto started = start_all(plugin, *plugin.current);
  if (!started) return started.error();
  return go_live(plugin, std::move(*started), generation);
}

Status Registry::Impl::replace_after(Plugin& plugin, std::unique_ptr<Running>& next, bool restart) {
  if (!restart) SKEP_TRY(start_code(*next));
  for (const auto& use : plugin.slots) use->route->close();
  table->hold(plugin.id);
  const auto old = plugin.current->generation();
  const auto old_recipe = plugin.current->shared_recipe();
  if (!drainer->drain_now(*plugin.current)) {
    for (const auto& use : plugin.slots) use->route->open();
    table->release(plugin.id);
    return unavailable("the calls inside generation " + std::to_string(old->number()) +
                       " do not end");
  }
  plugin.current->stop();
  if (restart) {
    std::unique_ptr<Running> gone;
    const std::lock_guard lock(mutex);
    gone.swap(plugin.current);
  }
  Status status = restart ? start_code(*next) : Status();
  auto started = status ? start_all(plugin, *next) : Result<Started>(status.error());
  if (started) return go_live(plugin, std::move(*started), next->generation());
  next->stop();
  if (restart) next.reset();
  const Status back = bring_back(plugin, old_recipe, old);
  if (back) return started.error();
  table->remove(plugin.id);
  Error both = started.error();
  both.message += "; and the old generation does not start again: " + back.error().message;
  return both;
}

std::unique_ptr<Running> Registry::Impl::make_current(Plugin& plugin,
                                                      std::unique_ptr<Running> next) {
  next->generation()->move_to("active");
  const std::lock_guard lock(mutex);
  const Recipe& recipe = next->recipe();
  describe(recipe.manifest, plugin.info);
  plugin.info.path = recipe.source;
  plugin.info.sha256 = recipe.file.sha256;
  plugin.info.state = "loaded";
  plugin.trouble.clear();
  plugin.failed_sha256.clear();
  plugin.current.swap(next);
  publish("plugin.active", plugin.current->recipe(), plugin.current->generation()->number());
  return next;
}

void Registry::Impl::put_on_probation(const Plugin& plugin, const CallTally& before) {
  const auto& generation = plugin.current->generation();
  const SystemClock clock;
  generation->on_end([to = verdicts, id = plugin.id, watched = std::weak_ptr(generation), before,
                      since = clock.mono_ms()](CallEnd) {
    const auto fresh = watched.lock();
    if (!fresh) return;
    const CallTally tally = fresh->tally();
    if (auto reason = verdict(tally, before))
      to->give({id, fresh->number(), std::move(*reason)});
    else if (probation_over(tally, SystemClock().mono_ms() - since))
      fresh->on_end({});
  });
}

Result<Reloaded> Registry::Impl::replace(Plugin& plugin, std::shared_ptr<const Recipe> recipe,
                                         const std::string& old_end_state) {
  const std::string mode = mode_of(plugin, recipe->manifest);
  const CallTally before = plugin.current->generation()->tally();
  const auto old_recipe = plugin.current->shared_recipe();
  const auto old = plugin.current->generation();
  auto next = make_running(plugin, std::move(recipe));
  const auto generation = next->generation();
  const Status done = mode == "parallel" ? replace_beside(plugin, *next)
                                         : replace_after(plugin, next, mode == "restart");
  if (!done) {
    generation->move_to("failed", done.error().message);
    return done.error();
  }
  old->on_end({});
  if (auto gone = make_current(plugin, std::move(next)))
    drainer->take(std::move(gone), old_end_state);
  else
    old->move_to(old_end_state);
  {
    const std::lock_guard lock(mutex);
    plugin.before.push_front(old_recipe);
    if (plugin.before.size() > kRecipesBefore) plugin.before.pop_back();
  }
  put_on_probation(plugin, before);
  const Recipe& now = plugin.current->recipe();
  return Reloaded{plugin.id, generation->number(), now.manifest.version, now.file.sha256, true};
}

}  // namespace skep::plugin
