#include "core/plugin/registry.hpp"

#include <algorithm>
#include <map>

#include "core/base/log.hpp"
#include "core/plugin/adapters/task.hpp"
#include "core/plugin/adapters/task_call.hpp"
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

ports::TaskType task_type(const CatalogEntry& entry, const ManifestComponent& c) {
  return {c.name, c.description, entry.info.version,
          c.params_schema ? c.params_schema->text() : "{}", c.default_timeout_ms};
}

Result<std::shared_ptr<TaskComponent>> start_task(std::shared_ptr<LoadedPlugin> plugin,
                                                  const CatalogEntry& entry,
                                                  const ManifestComponent& c) {
  const auto config = component_config(*entry.manifest, c, entry.table.settings, {});
  if (!config) return config.error();
  auto instance = Instance::start(std::move(plugin), c.name, c.kind, *config);
  if (!instance) return instance.error();
  const auto* table = static_cast<const skep_task_v1*>((*instance)->iface());
  skep_inst* handle = (*instance)->handle();
  return std::make_shared<TaskComponent>(
      std::make_unique<InprocTarget>(table, handle, std::move(*instance), entry.info.id),
      TaskComponent::Options{entry.info.id, task_type(entry, c), c.params_schema,
                             c.max_concurrency});
}

proc::CallControl resolve_call(skep_call* call) { return TaskCall::of(call).control(); }

/// One component of several may fail alone: the others of its plugin go on.
void leave_out(CatalogEntry& entry, const ManifestComponent& c, const Error& error) {
  if (entry.manifest->components.size() == 1) return entry.refuse(error.message);
  log::error("task_type_failed",
             {{"type", c.name}, {"plugin", entry.info.id}, {"error", error.message}});
  entry.info.reason += (entry.info.reason.empty() ? "" : "\n") + error.message;
}

void log_shadowed(const CatalogEntry& entry, const ManifestComponent& c, const std::string& used) {
  log::warn("task_type_shadowed", {{"type", c.name}, {"plugin", entry.info.id}, {"used", used}});
}

/// Plugins that are loaded keep their place and their code; of the others the new scan counts.
std::vector<CatalogEntry> merged(std::vector<CatalogEntry> old, std::vector<CatalogEntry> fresh) {
  for (CatalogEntry& entry : fresh)
    for (CatalogEntry& before : old)
      if (before.loaded && before.info.path == entry.info.path) std::swap(entry, before);
  return fresh;
}

}  // namespace

Registry::Registry(RegistryOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
  proc::set_call_resolver(resolve_call);
}

Registry::~Registry() {
  for (const CatalogEntry& entry : impl_->entries) impl_->table->remove(entry.info.id);
}

Status Registry::scan() {
  const std::lock_guard lock(impl_->mutex);
  impl_->entries =
      merged(std::move(impl_->entries), scan_folders(impl_->options.paths, host_abi()));
  return apply_tables(impl_->options.tables, impl_->entries);
}

std::vector<PluginInfo> Registry::list() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<PluginInfo> out;
  for (const CatalogEntry& e : impl_->entries) out.push_back(e.info);
  return out;
}

Result<std::shared_ptr<LoadedPlugin>> Registry::Impl::load_staged(const CatalogEntry& entry) {
  if (!staging) {
    auto area = StagingArea::open(options.staging_dir);
    if (!area) return area.error();
    staging.emplace(std::move(*area));
  }
  const auto staged = staging->stage(entry.info.path, entry.info.id);
  if (!staged) return staged.error();
  if (staged->sha256 != entry.info.sha256)
    return Error{Code::kState,
                 "plugin " + entry.info.id + ": " + entry.info.path +
                     " changed after it was scanned (sha256 " + entry.info.sha256.substr(0, 12) +
                     ", now " + staged->sha256.substr(0, 12) + ")",
                 "plugin-changed", "start again; the new file is then checked first"};
  if (options.admission)
    SKEP_TRY(options.admission({entry.info.id, entry.info.version, entry.manifest->abi,
                                staged->sha256, staged->path, entry.info.path}));
  return LoadedPlugin::load(entry.info.id, *staged, options.state_dir, 1);
}

Result<std::shared_ptr<LoadedPlugin>> Registry::Impl::load(CatalogEntry& entry) {
  if (entry.loaded) return entry.loaded;
  auto plugin = load_staged(entry);
  if (!plugin) {
    const Error& e = plugin.error();
    entry.refuse(e.next.empty() ? e.message : e.message + "\n  next: " + e.next);
    return e;
  }
  entry.loaded = *plugin;
  entry.info.state = "loaded";
  log::info(
      "plugin_loaded",
      {{"plugin", entry.info.id}, {"version", entry.info.version}, {"sha256", entry.info.sha256}});
  return plugin;
}

Result<std::shared_ptr<TaskTable>> Registry::tasks() {
  const std::lock_guard lock(impl_->mutex);
  std::map<std::string, std::vector<std::shared_ptr<TaskComponent>>> started;
  const auto start = [&](CatalogEntry& entry, const ManifestComponent& c) {
    if (!entry.usable() || !impl_->table->owner_of(c.name).empty()) return;
    auto plugin = impl_->load(entry);
    if (!plugin) return;  // load() has refused the entry and said why
    auto task = start_task(std::move(*plugin), entry, c);
    if (task)
      started[entry.info.id].push_back(std::move(*task));
    else
      leave_out(entry, c, task.error());
  };
  for_each_task(impl_->entries, start, log_shadowed);
  for (auto& [id, components] : started) {
    GenerationInfo info;
    info.number = 1;
    auto generation = std::make_shared<Generation>(id, std::move(info));
    generation->move_to("active");
    SKEP_TRY(impl_->table->put(generation, std::move(components)));
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
        out.push_back(task_type(entry, c));
      },
      [](const auto&...) {});
  return out;
}

Result<Reloaded> Registry::reload(std::string_view id) {
  return Error{Code::kUnsupported, "this version cannot reload plugin " + std::string(id)};
}

Result<std::vector<std::string>> Registry::configure(std::map<std::string, std::string>) {
  return Error{Code::kUnsupported, "this version takes [plugins] tables at its start only"};
}

}  // namespace skep::plugin
