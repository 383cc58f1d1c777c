// Reload: a new file or table into service step by step, and back again when it is worse.
#include <algorithm>

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

Result<Reloaded> Registry::Impl::reload(const CatalogEntry& entry, From from) {
  Plugin& plugin = plugins.find(entry.info.id)->second;
  if (from == From::kFolder) tried[entry.info.path] = entry.info.sha256;
  std::string sha256 = entry.info.sha256;
  const auto failed = [&](const Error& error, std::string_view step) {
    const Error told = in_step(error, plugin.id, step);
    {
      const std::lock_guard lock(mutex);
      plugin.trouble = told.with_advice();
      plugin.failed_sha256 = sha256 == plugin.info.sha256 ? "" : sha256;
    }
    publish_failed(plugin, step, error.message);  // who hears of it finds it in list()
    return told;
  };
  const Recipe& now = plugin.current->recipe();
  const auto staged = image_of(plugin, from == From::kServing ? now.file.path : entry.info.path);
  if (!staged) return failed(staged.error(), "stage");
  sha256 = staged->sha256;
  const bool same_table =
      entry.table.text == now.table.text && isolation_of(entry) == now.isolation;
  if (staged->sha256 == now.file.sha256 && same_table) {
    forget_trouble(plugin);
    return Reloaded{plugin.id, plugin.current->generation()->number(), now.manifest.version,
                    now.file.sha256, false};
  }
  if (quarantine.has(staged->sha256)) return failed(quarantine.refusal(staged->sha256), "verify");
  auto recipe = verify(entry, plugin, *staged);
  if (!recipe) return failed(recipe.error(), "verify");
  const std::uint64_t number = plugin.last_number + 1;
  publish("plugin.staged", **recipe, number);
  if (const Status probed_well = probe(**recipe, number); !probed_well)
    return failed(probed_well.error(), "probe");
  publish("plugin.verified", **recipe, number);
  auto done = replace(plugin, std::move(*recipe), "retired");
  if (!done) return failed(done.error(), "start");
  return done;
}

void Registry::Impl::roll_back(const Verdicts::Verdict& bad) {
  const std::lock_guard lock(work);
  const auto at = plugins.find(bad.id);
  if (at == plugins.end() || !at->second.current) return;
  Plugin& plugin = at->second;
  const auto generation = plugin.current->generation();
  if (generation->number() != bad.number) return;
  generation->on_end({});  // one verdict is enough, whatever comes of it
  const auto worse = plugin.current->shared_recipe();
  const auto better = std::find_if(plugin.before.begin(), plugin.before.end(), [&](const auto& r) {
    return r->file.sha256 != worse->file.sha256 || r->table.text != worse->table.text;
  });
  if (better == plugin.before.end()) return;
  const auto target = *better;
  auto recipe = std::make_shared<Recipe>(*target);
  const bool same_file = recipe->file.sha256 == worse->file.sha256;
  if (!same_file) put_into_quarantine(*worse, bad.number, bad.reason, true);
  const auto image = same_bytes_of(plugin, recipe->file);
  if (!image) {
    publish("plugin.failed", *worse, bad.number, log::Level::kError, image.error().message);
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
  publish(done ? "plugin.rolled_back" : "plugin.failed", *worse, bad.number, log::Level::kError,
          done ? bad.reason : done.error().message);
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

Result<Reloaded> Registry::reload(std::string_view id, bool force) {
  const std::lock_guard work(impl_->work);
  impl_->forget_refusals(id);
  // A table of another plugin may be wrong; that of this one is checked below.
  static_cast<void>(impl_->scan());
  CatalogEntry* entry = find_entry(impl_->entries, id);
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
  if (impl_->opened.contains(id)) return Impl::needs_restart(id);
  if (entry->info.state == "disabled")
    return Error{Code::kState, "plugin " + std::string(id) + " is turned off by [plugins." +
                                   std::string(id) + "] enabled = false"};
  if (entry->info.state == "refused")
    return invalid(entry->info.reason)
        .within("reload of plugin " + std::string(id) + ", step verify");
  if (force) impl_->quarantine.remove(entry->info.sha256);
  if (runs) {
    auto done = impl_->reload(*entry);
    if (done && force) at->second.current->generation()->on_end({});
    return done;
  }
  if (!has_tasks(*entry->manifest))
    return Error{Code::kState, "plugin " + std::string(id) +
                                   " serves nothing here: it has no task type, and no table of "
                                   "this node names a component of it"};
  impl_->serve_tasks(*entry);
  const auto now = impl_->plugins.find(id);
  if (entry->info.state == "refused" || now == impl_->plugins.end() || !now->second.current)
    return invalid(entry->info.reason).within("load of plugin " + std::string(id));
  const Running& current = *now->second.current;
  return Reloaded{std::string(id), current.generation()->number(),
                  current.recipe().manifest.version, current.recipe().file.sha256, true};
}

}  // namespace skep::plugin
