#include "core/plugin/registry.hpp"

#include <algorithm>
#include <array>

#include "core/base/text.hpp"
#include "core/plugin/registry_impl.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
std::string_view to_string(PluginState s) {
  constexpr std::array<std::string_view, 4> kWords{"available", "loaded", "disabled", "refused"};
  return kWords.at(static_cast<std::size_t>(s));
}

Registry::Impl::Impl(RegistryOptions o)
    : options(std::move(o)),
      tables(options.tables),
      intake(options),
      drainer(std::make_unique<Drainer>(options.drain)) {
  drainer->start();
}

Registry::Impl::~Impl() {
  table->on_freed({});
  std::unique_ptr<RegistryThread> last;
  {
    const MutexLock lock(turn);
    last.swap(thread);
  }
  last.reset();
  const MutexLock lock(turn);
  drainer->hush();
  keep_good();
  for (auto& [id, plugin] : plugins) plugin.take_out();
  drainer.reset();
}

Registry::Registry(RegistryOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Registry::~Registry() = default;

Status Registry::scan() {
  const MutexLock lock(impl_->turn);
  return impl_->scan();
}

Status Registry::Impl::scan() {
  note_admissions();
  auto found = scan_folders(options.paths, host_abi());
  const Status applied = apply_tables(tables, options.arrivals, found);
  for (PluginFile& file : found)
    if (file.usable())
      if (const Status own = check_names(*file.manifest, options.reserved); !own)
        file.refuse(own.error().with_advice());
  apply_refusals(found);
  files = std::move(found);
  show_files();
  return applied;
}

void Registry::Impl::apply_refusals(std::vector<PluginFile>& found) const {
  for (PluginFile& file : found) {
    const auto known = refusals.find(file.info.path);
    if (known == refusals.end() || !file.usable() || known->second.sha256 != file.info.sha256)
      continue;
    file.info.state = PluginState::kRefused;
    file.info.reason = known->second.reason;
  }
}

void Registry::Impl::refuse(PluginFile& file, const std::string& reason) {
  file.refuse(reason);
  refusals[file.info.path] = Refusal{file.info.id, file.info.sha256, reason};
  show_files();
}

/// Who hears the event finds the refusal in list().
void Registry::Impl::refuse_load(PluginFile& file, const std::string& reason) {
  refuse(file, reason);
  plugin_of(file.info.id).tell_failed("load", reason);
}

/// Those files may be tried again.
void Registry::Impl::forget_refusals(std::string_view id) {
  std::erase_if(refusals, [&](const auto& known) { return known.second.id == id; });
}

void Registry::Impl::show_files() {
  std::vector<PluginInfo> infos;
  for (const PluginFile& file : files) {
    infos.push_back(file.info);
    show_opened(infos.back());
  }
  auto wanted = expected();
  const MutexLock lock(mutex);
  shown_files = std::move(infos);
  shown_expected = std::move(wanted);
}

ManagedPlugin& Registry::Impl::plugin_of(const std::string& id) {
  if (ManagedPlugin* known = find_plugin(id)) return *known;
  ManagedPlugin& made =
      plugins.try_emplace(id, id, PluginParts{table, condemned, intake, *drainer}).first->second;
  const MutexLock lock(mutex);
  shown_plugins[id] = made.status();
  return made;
}

ManagedPlugin* Registry::Impl::find_plugin(std::string_view id) {
  const auto at = plugins.find(id);
  return at == plugins.end() ? nullptr : &at->second;
}

ManagedPlugin* Registry::Impl::find_serving(std::string_view id) {
  ManagedPlugin* plugin = find_plugin(id);
  return plugin != nullptr && plugin->serves() ? plugin : nullptr;
}

std::vector<PluginInfo> Registry::list() const {
  std::vector<PluginInfo> files;
  std::map<std::string, std::shared_ptr<const PluginStatus>, std::less<>> plugins;
  {
    const MutexLock lock(impl_->mutex);
    files = impl_->shown_files;
    plugins = impl_->shown_plugins;
  }
  std::vector<PluginInfo> out;
  for (PluginInfo& file : files) {
    const auto of_id = plugins.find(file.id);  // of two files with one id, the first
    auto info = of_id == plugins.end() ? std::nullopt : of_id->second->shown(&file);
    if (of_id != plugins.end()) plugins.erase(of_id);
    out.push_back(info ? std::move(*info) : std::move(file));
  }
  for (const auto& [id, plugin] : plugins)
    if (auto info = plugin->shown(nullptr)) out.push_back(std::move(*info));
  return out;
}

std::vector<std::string> Registry::hangs() const {
  const MutexLock lock(impl_->mutex);
  std::vector<std::string> out;
  for (const auto& [id, plugin] : impl_->shown_plugins)
    for (const std::string& hang : plugin->generations().hangs())
      out.push_back("plugin " + id + ": " + hang);
  return out;
}

void Registry::hurry() {
  const MutexLock lock(impl_->mutex);
  for (const auto& [id, plugin] : impl_->shown_plugins) plugin->generations().hurry();
}

Result<std::shared_ptr<TaskTable>> Registry::tasks() {
  const MutexLock lock(impl_->turn);
  impl_->serving = true;
  for (PluginFile& file : impl_->files)
    if (file.usable() && has_tasks(*file.manifest)) impl_->serve_tasks(file);
  for (PluginFile& file : impl_->files) impl_->serve_last_good(file);
  return impl_->table;
}

void Registry::Impl::serve_tasks(PluginFile& file) {
  tried.note(file.info.path, file.info.sha256);
  const Status served = plugin_of(file.info.id).serve_tasks(file);
  if (served) return;
  refuse_load(file, served.error().with_advice());
  serve_last_good(file);
}

std::shared_ptr<TaskTable> Registry::task_table() const { return impl_->table; }

/// Of two plugins with the same type the first one counts.
std::vector<ports::TaskType> Registry::task_types() const {
  const MutexLock lock(impl_->mutex);
  std::vector<ports::TaskType> out;
  std::set<std::string> known;
  for (const PluginInfo& file : impl_->shown_files) {
    if (file.state == PluginState::kRefused || file.state == PluginState::kDisabled) continue;
    for (const ComponentInfo& c : file.components)
      if (c.kind == SKEP_KIND_TASK && known.insert(c.name).second)
        out.push_back({c.name, c.description, file.version, c.params_schema, c.default_timeout_ms});
  }
  return out;
}

Error Registry::Impl::no_such_file(std::string_view id) {
  if (const ManagedPlugin* plugin = find_serving(id))
    return Error{Code::kNotFound,
                 "the file of plugin " + std::string(id) + " is gone: " + plugin->serving().source +
                     "; what was loaded goes on serving",
                 "plugin-gone", "put the file back"};
  std::vector<std::string> ids;
  for (const PluginFile& file : files) ids.push_back(file.info.id);
  return Error{Code::kNotFound, "no plugin \"" + std::string(id) + "\"; " + suggestion(id, ids),
               "unknown-plugin", "skep plugin list"};
}

Result<Reloaded> Registry::reload(std::string_view id, bool force) {
  const MutexLock lock(impl_->turn);
  return impl_->reload(id, force);
}

Result<Reloaded> Registry::Impl::reload(std::string_view id, bool force) {
  forget_refusals(id);
  // A table of another plugin may be wrong; that of this one is checked below.
  static_cast<void>(scan());
  PluginFile* file = find_file(files, id);
  if (file == nullptr) return no_such_file(id);
  const std::string name(id);
  if (opened.contains(id)) return needs_restart(id);
  if (file->info.state == PluginState::kDisabled)
    return Error{Code::kState,
                 "plugin " + name + " is turned off by [plugins." + name + "] enabled = false"};
  if (file->info.state == PluginState::kRefused)
    return invalid(file->info.reason).within("reload of plugin " + name + ", step verify");
  if (force) intake.quarantine().remove(file->info.sha256);
  if (ManagedPlugin* plugin = find_serving(id)) {
    tried.note(file->info.path, file->info.sha256);
    return plugin->reload(*file, {false, force});
  }
  if (!has_tasks(*file->manifest))
    return Error{Code::kState, "plugin " + name +
                                   " serves nothing here: it has no task type, and no table of "
                                   "this node names a component of it"};
  serve_tasks(*file);
  const ManagedPlugin* now = find_serving(id);
  if (file->info.state == PluginState::kRefused || now == nullptr)
    return invalid(file->info.reason).within("load of plugin " + name);
  return now->current();
}

void Registry::watch() {
  const MutexLock lock(impl_->turn);
  if (impl_->thread) return;
  impl_->intake.last_good().clear();
  impl_->thread = std::make_unique<RegistryThread>(
      impl_->watched_folders(), impl_->condemned, [impl = impl_.get()] { impl->look_at_files(); },
      [impl = impl_.get()](const Condemned& bad) { impl->roll_back(bad); });
  impl_->table->on_freed([thread = impl_->thread.get()] { thread->wake(); });
  impl_->thread->start();
}

void Registry::set_drain(DrainLimits limits) { impl_->drainer->set_limits(limits); }

void Registry::wait_drained() { impl_->drainer->wait_empty(); }

}  // namespace skep::plugin
