// New [plugins.ID] tables: all are checked, then each plugin takes its own.
#include <algorithm>

#include "core/base/text.hpp"
#include "core/plugin/registry_impl.hpp"

namespace skep::plugin {
namespace {

using Tables = std::map<std::string, std::string>;

CatalogEntry serving_entry(const Plugin& plugin) {
  CatalogEntry entry;
  entry.info = plugin.info;
  entry.info.state = "available";
  entry.manifest = plugin.current->recipe().manifest;
  return entry;
}

std::string_view table_in(const Tables& tables, const std::string& id) {
  const auto at = tables.find(id);
  return at == tables.end() ? std::string_view("{}") : std::string_view(at->second);
}

}  // namespace

/// Where the file of a plugin that serves cannot, what serves stands in its place. The ids of
/// these.
std::set<std::string> Registry::Impl::replace_by_serving(std::vector<CatalogEntry>& some) const {
  std::set<std::string> replaced;
  for (const auto& [id, plugin] : plugins) {
    if (!plugin.current) continue;
    CatalogEntry* entry = find_entry(some, id);
    if (entry != nullptr && entry->info.state != "refused" && !quarantine.has(entry->info.sha256))
      continue;
    if (entry == nullptr)
      some.push_back(serving_entry(plugin));
    else
      *entry = serving_entry(plugin);
    replaced.insert(id);
  }
  return replaced;
}

std::set<std::string> Registry::Impl::changed_tables(const Tables& tables) const {
  std::set<std::string> changed = tables_wait;
  for (const Tables* one : {&tables, &options.tables})
    for (const auto& [id, text] : *one)
      if (table_in(tables, id) != table_in(options.tables, id)) changed.insert(id);
  return changed;
}

Status Registry::Impl::check_uses_of(const std::set<std::string>& changed,
                                     std::vector<CatalogEntry>& some) const {
  for (const std::string& id : changed) {
    const CatalogEntry* entry = find_entry(some, id);
    const auto at = plugins.find(id);
    if (entry != nullptr && !entry->table.enabled && at != plugins.end() &&
        !at->second.slots.empty())
      return config_error("[plugins." + id + "] enabled = false: component \"" +
                          at->second.slots.front()->component + "\" is in use by this node");
  }
  return {};
}

/// A file that fails does not keep the table from the version that serves: then that one takes it,
/// and the file stays in trouble.
Result<Reloaded> Registry::Impl::reload_with_table(const CatalogEntry& entry, bool is_serving) {
  Plugin& plugin = plugins.find(entry.info.id)->second;
  if (!is_serving) {
    auto done = reload(entry);
    if (done || plugin.failed_sha256.empty()) return done;
  }
  const std::string trouble = plugin.trouble;
  const std::string failed_sha256 = plugin.failed_sha256;
  CatalogEntry served = serving_entry(plugin);
  served.table = entry.table;
  auto done = reload(served, From::kServing);
  if (!done) return done;
  const std::lock_guard lock(mutex);
  plugin.trouble = trouble;
  plugin.failed_sha256 = failed_sha256;
  return done;
}

Error Registry::Impl::needs_restart(std::string_view id) {
  return Error{Code::kState,
               "plugin " + std::string(id) +
                   " runs the scripts of this node; a new file or table of it counts at the next "
                   "start",
               "needs-restart", "restart the node"};
}

void Registry::note_opened(std::string_view id, const Status& opened) {
  const std::lock_guard work(impl_->work);
  CatalogEntry* entry = find_entry(impl_->entries, id);
  if (entry == nullptr) return;
  const std::lock_guard lock(impl_->mutex);
  impl_->opened[std::string(id)] = {opened ? entry->info.sha256 : "", entry->table.text};
  if (!opened && entry->usable()) impl_->refuse(*entry, opened.error().with_advice());
}

void Registry::Impl::show_opened(PluginInfo& info) const {
  const auto at = opened.find(info.id);
  if (at == opened.end() || at->second.sha256.empty()) return;
  if (info.state == "available") info.state = "loaded";
  if (info.sha256 == at->second.sha256) return;
  info.reason = needs_restart(info.id).message + (info.reason.empty() ? "" : "\n" + info.reason);
  info.failed_sha256 = info.sha256;
}

Status Registry::Impl::take_table(const CatalogEntry& entry, bool is_serving) {
  const std::string& id = entry.info.id;
  if (const auto own = opened.find(id); own != opened.end())
    return own->second.table == entry.table.text ? Status() : Status(needs_restart(id));
  const auto at = plugins.find(id);
  if (at != plugins.end() && at->second.current) {
    if (!entry.table.enabled)
      take_out(id);
    else
      SKEP_TRY(reload_with_table(entry, is_serving));
    return {};
  }
  if (!entry.usable() || !serving || !has_tasks(*entry.manifest)) return {};
  CatalogEntry& own = *find_entry(entries, id);
  serve_tasks(own);
  return own.info.state == "refused"
             ? Status(invalid(own.info.reason).within("load of plugin " + id))
             : Status();
}

Status Registry::check_tables(const Tables& tables) {
  const std::lock_guard work(impl_->work);
  auto judged = scan_folders(impl_->options.paths, host_abi());  // a table may come with its plugin
  impl_->replace_by_serving(judged);
  SKEP_TRY(apply_tables(tables, impl_->options.arrivals, judged));
  return impl_->check_uses_of(impl_->changed_tables(tables), judged);
}

Result<Configured> Registry::configure(Tables tables) {
  const std::lock_guard work(impl_->work);
  Impl& impl = *impl_;
  const auto changed = impl.changed_tables(tables);
  auto fresh = scan_folders(impl.options.paths, host_abi());
  auto judged = fresh;
  const auto serving = impl.replace_by_serving(judged);
  SKEP_TRY(apply_tables(tables, impl.options.arrivals, judged));
  SKEP_TRY(impl.check_uses_of(changed, judged));
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (serving.count(fresh[i].info.id) == 0) fresh[i] = judged[i];
    fresh[i].table = judged[i].table;
    if (fresh[i].usable() && !fresh[i].table.enabled) fresh[i].info.state = "disabled";
  }
  for (const std::string& id : changed) impl.forget_refusals(id);
  impl.show_refusals(fresh);
  {
    const std::lock_guard lock(impl.mutex);
    impl.entries = std::move(fresh);
    impl.options.tables = std::move(tables);
  }
  Configured out;
  for (const std::string& id : changed) {
    const CatalogEntry* entry = find_entry(judged, id);
    if (entry == nullptr) continue;
    impl.tables_wait.erase(id);
    if (const Status taken = impl.take_table(*entry, serving.count(id) > 0); taken) {
      out.changed.push_back(id);
    } else {
      out.failed.push_back({id, taken.error()});
      impl.tables_wait.insert(id);
    }
  }
  return out;
}

}  // namespace skep::plugin
