#include "core/plugin/registry.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/base/events.hpp"
#include "core/base/text.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/keeper.hpp"
#include "core/plugin/registry_impl.hpp"
#include "core/proc/process_service.hpp"

namespace skep::plugin {
namespace {

/// Calls `use(entry, component)` for the task components of usable plugins; of two with the same
/// name the first one counts, and `shadowed(entry, component, owner)` hears of the other.
template <class Entries, class Use, class Shadowed>
void for_each_task(Entries& entries, Use&& use, Shadowed&& shadowed) {
  std::map<std::string, std::string, std::less<>> owners;
  for (auto& entry : entries) {
    if (!entry.usable()) continue;
    for (const ManifestComponent& c : entry.manifest->components) {
      if (c.kind != SKEP_KIND_TASK) continue;
      const auto [owner, is_first] = owners.try_emplace(c.name, entry.info.id);
      if (is_first)
        use(entry, c);
      else
        shadowed(entry, c, owner->second);
    }
  }
}

proc::CallControl resolve_call(skep_call* call) { return TaskCall::of(call).control(); }

}  // namespace

bool has_tasks(const Manifest& manifest) {
  return std::any_of(manifest.components.begin(), manifest.components.end(),
                     [](const ManifestComponent& c) { return c.kind == SKEP_KIND_TASK; });
}

void publish(std::string_view event, const Recipe& recipe, std::uint64_t number, log::Level level,
             std::string_view reason) {
  const log::Field id{"id", recipe.manifest.id};
  const log::Field version{"version", recipe.manifest.version};
  const log::Field sha256{"sha256", recipe.file.sha256};
  const log::Field generation{"generation", number};
  if (reason.empty())
    events::publish(level, event, {id, version, sha256, generation});
  else
    events::publish(level, event, {id, version, sha256, generation, {"reason", reason}});
}

Registry::Impl::Impl(RegistryOptions o)
    : options(std::move(o)),
      quarantine(options.state_dir.empty() ? "" : options.state_dir + "/quarantine.json"),
      drainer(std::make_unique<Drainer>(options.drain)) {
  drainer->start();
}

Registry::Impl::~Impl() {
  table->on_freed({});
  keeper.reset();
  const std::lock_guard lock(work);
  drainer->hush();
  for (auto& [id, plugin] : plugins) {
    table->remove(id);
    if (!plugin.current) continue;
    plugin.current->generation()->on_end({});
    drainer->take(std::move(plugin.current), "retired");
  }
  drainer.reset();
}

Registry::Registry(RegistryOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
  proc::set_call_resolver(resolve_call);
}

Registry::~Registry() = default;

Status Registry::scan() {
  const std::lock_guard work(impl_->work);
  return impl_->scan();
}

Status Registry::Impl::scan() {
  note_admissions();
  auto found = scan_folders(options.paths, host_abi());
  const Status applied = apply_tables(options.tables, options.arrivals, found);
  show_refusals(found);
  const std::lock_guard lock(mutex);
  entries = std::move(found);
  return applied;
}

void Registry::Impl::show_refusals(std::vector<CatalogEntry>& found) const {
  for (CatalogEntry& entry : found) {
    const auto known = refusals.find(entry.info.path);
    if (known == refusals.end() || !entry.usable() || known->second.sha256 != entry.info.sha256)
      continue;
    entry.info.state = "refused";
    entry.info.reason = known->second.reason;
  }
}

/// REQUIRES: `mutex` is held.
void Registry::Impl::refuse(CatalogEntry& entry, const std::string& reason) {
  entry.refuse(reason);
  refusals[entry.info.path] = Refusal{entry.info.id, entry.info.sha256, reason};
}

/// Those files may be tried again.
void Registry::Impl::forget_refusals(std::string_view id) {
  std::erase_if(refusals, [&](const auto& known) { return known.second.id == id; });
}

std::vector<PluginInfo> Registry::list() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<PluginInfo> out;
  std::vector<std::string> shown;
  const auto add = [&](PluginInfo info, const Plugin& plugin) {
    for (const auto& g : plugin.generations) info.generations.push_back(g->info());
    shown.push_back(plugin.id);
    out.push_back(std::move(info));
  };
  for (const CatalogEntry& e : impl_->entries) {
    const auto at = impl_->plugins.find(e.info.id);
    const bool first = std::find(shown.begin(), shown.end(), e.info.id) == shown.end();
    if (at == impl_->plugins.end() || !first) {
      out.push_back(e.info);
      impl_->show_opened(out.back());
      continue;
    }
    const Plugin& plugin = at->second;
    PluginInfo info = plugin.current ? plugin.info : e.info;
    info.path = e.info.path;
    info.reason = plugin.trouble;
    info.failed_sha256 = plugin.failed_sha256;
    if (e.info.state == "refused") {  // the newest word on the file that is there
      info.reason = e.info.reason + (plugin.trouble.empty() ? "" : "\n" + plugin.trouble);
      info.failed_sha256 = e.info.sha256;
    } else if (info.reason.empty()) {
      info.reason = e.info.reason;
    }
    add(std::move(info), plugin);
  }
  for (const auto& [id, plugin] : impl_->plugins)
    if (plugin.current && std::find(shown.begin(), shown.end(), id) == shown.end()) {
      PluginInfo info = plugin.info;
      info.reason = plugin.trouble;
      add(std::move(info), plugin);
    }
  return out;
}

std::string Registry::Impl::isolation_of(const CatalogEntry& entry) const {
  namespace fs = std::filesystem;
  if (!can_run_apart(*entry.manifest)) return "inproc";
  if (!entry.table.isolation.empty()) return entry.table.isolation;
  const bool shipped = !options.shipped_dir.empty() &&
                       fs::path(entry.info.path).parent_path() == fs::path(options.shipped_dir) &&
                       std::find(options.shipped.begin(), options.shipped.end(), entry.info.id) !=
                           options.shipped.end();
  return shipped ? entry.manifest->isolation : options.isolation;
}

Result<std::shared_ptr<TaskTable>> Registry::tasks() {
  const std::lock_guard work(impl_->work);
  impl_->serving = true;
  for (CatalogEntry& entry : impl_->entries) {
    if (entry.usable() && has_tasks(*entry.manifest)) impl_->serve_tasks(entry);
  }
  return impl_->table;
}

std::shared_ptr<TaskTable> Registry::task_table() const { return impl_->table; }

std::vector<ports::TaskType> Registry::task_types() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<ports::TaskType> out;
  for_each_task(
      std::as_const(impl_->entries),
      [&](const CatalogEntry& entry, const ManifestComponent& c) {
        out.push_back({c.name, c.description, entry.info.version,
                       c.params_schema ? c.params_schema->text() : "{}", c.default_timeout_ms});
      },
      [](const auto&...) {});
  return out;
}

void Registry::watch() {
  const std::lock_guard work(impl_->work);
  if (impl_->keeper) return;
  impl_->keeper = std::make_unique<Keeper>(
      impl_->watched_folders(), impl_->verdicts, [impl = impl_.get()] { impl->look_at_files(); },
      [impl = impl_.get()](const Verdicts::Verdict& v) { impl->roll_back(v); });
  impl_->table->on_freed([keeper = impl_->keeper.get()] { keeper->wake(); });
  impl_->keeper->start();
}

void Registry::set_drain(DrainLimits limits) { impl_->drainer->set_limits(limits); }

void Registry::wait_drained() { impl_->drainer->wait_empty(); }

}  // namespace skep::plugin
