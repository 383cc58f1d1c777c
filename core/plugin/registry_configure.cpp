// New [plugins.ID] tables: all are checked, then each plugin takes its own.
#include "core/plugin/registry_impl.hpp"

namespace skep::plugin {
namespace {

std::string_view table_in(const Tables& tables, const std::string& id) {
  const auto at = tables.find(id);
  return at == tables.end() ? std::string_view("{}") : std::string_view(at->second);
}

}  // namespace

Error needs_restart(std::string_view id) {
  return Error{Code::kState,
               "plugin " + std::string(id) +
                   " runs the scripts of this node; a new file or table of it counts at the next "
                   "start",
               "needs-restart", "restart the node"};
}

/// Where the file of a plugin that serves cannot, what serves stands in its place. The ids of
/// these.
std::set<std::string> Registry::Impl::replace_by_serving(std::vector<PluginFile>& some) {
  std::set<std::string> replaced;
  for (const auto& [id, plugin] : plugins) {
    if (!plugin.serves()) continue;
    PluginFile* file = find_file(some, id);
    if (file != nullptr && file->info.state != PluginState::kRefused &&
        !intake.quarantine().has(file->info.sha256))
      continue;
    if (file == nullptr)
      some.push_back(serving_file(plugin.serving()));
    else
      *file = serving_file(plugin.serving());
    replaced.insert(id);
  }
  return replaced;
}

std::set<std::string> Registry::Impl::changed_tables(const Tables& wanted) const {
  std::set<std::string> changed = tables_wait;
  for (const Tables* one : {&wanted, &tables})
    for (const auto& [id, text] : *one)
      if (table_in(wanted, id) != table_in(tables, id)) changed.insert(id);
  return changed;
}

Status Registry::Impl::check_uses_of(const std::set<std::string>& changed,
                                     std::vector<PluginFile>& some) {
  for (const std::string& id : changed) {
    const PluginFile* file = find_file(some, id);
    const ManagedPlugin* plugin = find_plugin(id);
    if (file != nullptr && !file->table.enabled && plugin != nullptr && !plugin->uses().empty())
      return config_error("[plugins." + id + "] enabled = false: component \"" +
                          plugin->uses().front()->component + "\" is in use by this node");
  }
  return {};
}

void Registry::note_opened(std::string_view id, const Status& opened) {
  const MutexLock lock(impl_->turn);
  PluginFile* file = find_file(impl_->files, id);
  if (file == nullptr) return;
  impl_->opened[std::string(id)] = {opened ? file->info.sha256 : "", file->table.text};
  if (!opened && file->usable())
    impl_->refuse(*file, opened.error().with_advice());
  else
    impl_->show_files();
}

void Registry::Impl::show_opened(PluginInfo& info) const {
  const auto at = opened.find(info.id);
  if (at == opened.end() || at->second.sha256.empty()) return;
  if (info.state == PluginState::kAvailable) info.state = PluginState::kLoaded;
  if (info.sha256 == at->second.sha256) return;
  info.reason = needs_restart(info.id).message + (info.reason.empty() ? "" : "\n" + info.reason);
  info.failed_sha256 = info.sha256;
}

Status Registry::Impl::take_table(const PluginFile& file, bool file_serves) {
  const std::string& id = file.info.id;
  if (const auto own = opened.find(id); own != opened.end())
    return own->second.table == file.table.text ? Status() : Status(needs_restart(id));
  if (ManagedPlugin* plugin = find_serving(id)) {
    if (!file.table.enabled) {
      plugin->take_out();
      return {};
    }
    if (!file_serves) tried.note(file.info.path, file.info.sha256);
    SKEP_TRY(plugin->reload_with_table(file, file_serves));
    return {};
  }
  if (!file.usable() || !serving || !has_tasks(*file.manifest)) return {};
  PluginFile& own = *find_file(files, id);
  serve_tasks(own);
  return own.info.state == PluginState::kRefused
             ? Status(invalid(own.info.reason).within("load of plugin " + id))
             : Status();
}

Status Registry::check_tables(const Tables& tables) {
  const MutexLock lock(impl_->turn);
  auto judged = scan_folders(impl_->options.paths, host_abi());  // a table may come with its plugin
  impl_->replace_by_serving(judged);
  SKEP_TRY(apply_tables(tables, impl_->options.arrivals, judged));
  return impl_->check_uses_of(impl_->changed_tables(tables), judged);
}

Result<Configured> Registry::configure(Tables tables) {
  const MutexLock lock(impl_->turn);
  return impl_->configure(std::move(tables));
}

Result<Configured> Registry::Impl::configure(Tables wanted) {
  const auto changed = changed_tables(wanted);
  auto fresh = scan_folders(options.paths, host_abi());
  auto judged = fresh;
  const auto replaced = replace_by_serving(judged);
  SKEP_TRY(apply_tables(wanted, options.arrivals, judged));
  SKEP_TRY(check_uses_of(changed, judged));
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (!replaced.contains(fresh[i].info.id)) fresh[i] = judged[i];
    fresh[i].table = judged[i].table;
    if (fresh[i].usable() && !fresh[i].table.enabled) fresh[i].info.state = PluginState::kDisabled;
  }
  for (const std::string& id : changed) forget_refusals(id);
  apply_refusals(fresh);
  files = std::move(fresh);
  tables = std::move(wanted);
  show_files();
  Configured out;
  for (const std::string& id : changed) {
    const PluginFile* file = find_file(judged, id);
    if (file == nullptr) continue;
    tables_wait.erase(id);
    if (const Status taken = take_table(*file, replaced.contains(id)); taken) {
      out.changed.push_back(id);
    } else {
      out.failed.push_back({id, taken.error()});
      tables_wait.insert(id);
    }
  }
  return out;
}

}  // namespace skep::plugin
