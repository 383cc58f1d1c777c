// Reload: a new file or table into service step by step, and back again when it is worse.
#include <algorithm>

#include "core/base/events.hpp"
#include "core/base/text.hpp"
#include "core/plugin/registry_impl.hpp"

namespace skep::plugin {
namespace {

Error in_step(const Error& error, const std::string& id, std::string_view step) {
  return error.within("reload of plugin " + id + ", step " + std::string(step));
}

}  // namespace

void Registry::Impl::forget_trouble(Plugin& plugin) {
  const std::lock_guard lock(mutex);
  plugin.trouble.clear();
  plugin.failed_sha256.clear();
}

Result<Reloaded> Registry::Impl::reload(CatalogEntry& entry) {
  Plugin& plugin = plugins.find(entry.info.id)->second;
  const auto failed = [&](const Error& error, std::string_view step) {
    const Error told = in_step(error, plugin.id, step);
    events::publish(log::Level::kError, "plugin.failed",
                    {{"id", plugin.id},
                     {"step", step},
                     {"generation", plugin.last_number},
                     {"reason", error.message}});
    const std::lock_guard lock(mutex);
    plugin.trouble = told.message + (told.next.empty() ? "" : "\n  next: " + told.next);
    plugin.failed_sha256 = entry.info.sha256;
    return told;
  };
  auto staged = image_of(plugin, entry.info.path);
  if (!staged) return failed(staged.error(), "stage");
  const Recipe& now = plugin.current->recipe();
  const bool same_table =
      entry.table.text == now.table.text && isolation_of(entry) == now.isolation;
  // A file in quarantine does not keep new settings from the version that serves.
  if (!same_table && quarantine.count(staged->sha256) > 0) {
    staged = image_of(plugin, now.file.path);
    if (!staged) return failed(staged.error(), "stage");
  }
  if (staged->sha256 == now.file.sha256 && same_table) {
    forget_trouble(plugin);
    return Reloaded{plugin.id, plugin.current->generation()->number(), now.manifest.version,
                    now.file.sha256, false};
  }
  auto recipe = verify(entry, plugin, *staged);
  if (!recipe) return failed(recipe.error(), "verify");
  const std::uint64_t number = plugin.last_number + 1;
  publish("plugin.staged", plugin, **recipe, number);
  if (const Status probed_well = probe(**recipe, number); !probed_well) {
    if (quarantine.count(staged->sha256) > 0)
      publish("plugin.quarantined", plugin, **recipe, number, log::Level::kError,
              probed_well.error().message);
    return failed(probed_well.error(), "probe");
  }
  publish("plugin.verified", plugin, **recipe, number);
  auto done = replace(plugin, std::move(*recipe), "retired");
  if (!done) return failed(done.error(), "start");
  return done;
}

void Registry::Impl::roll_back(const Verdicts::Verdict& bad) {
  const std::lock_guard lock(work);
  const auto at = plugins.find(bad.id);
  if (at == plugins.end() || !at->second.current || at->second.before.empty()) return;
  Plugin& plugin = at->second;
  const auto generation = plugin.current->generation();
  if (generation->number() != bad.number) return;
  const auto worse = plugin.current->shared_recipe();
  const auto better = std::find_if(plugin.before.begin(), plugin.before.end(), [&](const auto& r) {
    return r->file.sha256 != worse->file.sha256 || r->table.text != worse->table.text;
  });
  if (better == plugin.before.end()) return;
  const auto target = *better;
  auto recipe = std::make_shared<Recipe>(*target);
  const bool same_file = recipe->file.sha256 == worse->file.sha256;
  if (!same_file) {
    const std::lock_guard quarantined(mutex);
    quarantine[worse->file.sha256] = bad.reason;
  }
  if (!same_file)
    publish("plugin.quarantined", plugin, *worse, bad.number, log::Level::kError, bad.reason);
  const auto image = image_of(plugin, recipe->file.path);
  if (!image) {
    publish("plugin.failed", plugin, *worse, bad.number, log::Level::kError, image.error().message);
    return;
  }
  recipe->file = *image;
  generation->move_to("active", bad.reason);
  const auto done = replace(plugin, std::move(recipe), "rolled_back");
  {
    const std::lock_guard told(mutex);
    plugin.trouble = "generation " + std::to_string(bad.number) + " (" + worse->manifest.version +
                     ", sha256 " + worse->file.sha256.substr(0, 12) +
                     ") was rolled back: " + bad.reason;
    plugin.failed_sha256 = worse->file.sha256;
    if (!done) plugin.trouble += "; and going back failed: " + done.error().message;
  }
  std::erase(plugin.before, worse);
  if (done) {
    std::erase(plugin.before, target);
    plugin.current->generation()->on_end({});  // it has served before: no probation
  }
  publish(done ? "plugin.rolled_back" : "plugin.failed", plugin, *worse, bad.number,
          log::Level::kError, done ? bad.reason : done.error().message);
}

void Registry::Impl::take_out(const std::string& id) {
  Plugin& plugin = plugins.find(id)->second;
  table->remove(id);
  plugin.tasks_serve = false;
  plugin.current->generation()->on_end({});
  std::unique_ptr<Running> gone;
  {
    const std::lock_guard lock(mutex);
    gone.swap(plugin.current);
    plugin.before.clear();
  }
  drainer->take(std::move(gone), "retired");
}

Result<Reloaded> Registry::reload(std::string_view id) {
  const std::lock_guard work(impl_->work);
  // A table of another plugin may be wrong; that of this one is checked below.
  static_cast<void>(impl_->scan());
  CatalogEntry* entry = impl_->find(id);
  const auto at = impl_->plugins.find(id);
  const bool runs = at != impl_->plugins.end() && at->second.current != nullptr;
  if (entry == nullptr) {
    std::vector<std::string> ids;
    for (const CatalogEntry& e : impl_->entries) ids.push_back(e.info.id);
    if (runs)
      return Error{Code::kNotFound,
                   "the file of plugin " + std::string(id) + " is gone: " + at->second.info.path +
                       "; what was loaded goes on serving",
                   "plugin-gone", "put the file back"};
    return Error{Code::kNotFound, "no plugin \"" + std::string(id) + "\"; " + suggestion(id, ids),
                 "unknown-plugin", "skep plugin list"};
  }
  if (entry->info.state == "disabled")
    return Error{Code::kState, "plugin " + std::string(id) + " is turned off by [plugins." +
                                   std::string(id) + "] enabled = false"};
  if (entry->info.state == "refused")
    return invalid(entry->info.reason)
        .within("reload of plugin " + std::string(id) + ", step verify");
  if (runs) return impl_->reload(*entry);
  impl_->serve_tasks(*entry);
  const auto now = impl_->plugins.find(id);
  if (entry->info.state == "refused" || now == impl_->plugins.end() || !now->second.current)
    return invalid(entry->info.reason).within("load of plugin " + std::string(id));
  const Running& current = *now->second.current;
  return Reloaded{std::string(id), current.generation()->number(),
                  current.recipe().manifest.version, current.recipe().file.sha256, true};
}

Result<std::vector<std::string>> Registry::configure(std::map<std::string, std::string> tables) {
  const std::lock_guard work(impl_->work);
  Impl& impl = *impl_;
  auto fresh = impl.entries;
  for (CatalogEntry& entry : fresh) {
    entry.table = PluginTable();
    if (entry.info.state == "disabled") entry.info.state = "available";
  }
  SKEP_TRY(apply_tables(tables, impl.options.arrivals, fresh));
  std::vector<std::string> changed;
  for (const CatalogEntry& entry : fresh) {
    const CatalogEntry* before = impl.find(entry.info.id);
    if (!entry.manifest || before == nullptr || entry.table.text == before->table.text) continue;
    const auto at = impl.plugins.find(entry.info.id);
    if (!entry.table.enabled && at != impl.plugins.end() && !at->second.slots.empty())
      return config_error("[plugins." + entry.info.id + "] enabled = false: component \"" +
                          at->second.slots.front()->component + "\" is in use by this node");
    changed.push_back(entry.info.id);
  }
  {
    const std::lock_guard lock(impl.mutex);
    impl.entries = std::move(fresh);
    impl.options.tables = std::move(tables);
  }
  std::string problems;
  for (const std::string& id : changed) {
    CatalogEntry& entry = *impl.find(id);
    const auto at = impl.plugins.find(id);
    const bool runs = at != impl.plugins.end() && at->second.current != nullptr;
    if (runs && !entry.table.enabled) {
      impl.take_out(id);
    } else if (runs) {
      if (const auto done = impl.reload(entry); !done)
        problems += (problems.empty() ? "" : "\n") + done.error().message;
    } else if (entry.usable() && impl.serving) {
      impl.serve_tasks(entry);
    }
  }
  if (!problems.empty()) return Error{Code::kConfig, problems};
  return changed;
}

}  // namespace skep::plugin
