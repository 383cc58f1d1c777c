// What stands in for a file that may not, or cannot, serve: the last good version of it, which
// passes the same gate as any other file.
#include <filesystem>

#include "core/base/file.hpp"
#include "core/plugin/registry_impl.hpp"

namespace skep::plugin {

/// Nothing when none is kept, or it is the file itself.
std::optional<PluginFile> Registry::Impl::last_good_of(const PluginFile& file) {
  const auto kept = intake.last_good().find(file.info.path);
  if (!kept || kept->entry.sha256 == file.info.sha256) return std::nullopt;
  PluginFile good = read_plugin_file(kept->path, host_abi());
  if (!good.usable()) return std::nullopt;
  if (is_turned_off(good.info.id)) return std::nullopt;
  const auto own = tables.find(good.info.id);
  auto table = parse_plugin_table(good.info.id, own == tables.end() ? "{}" : own->second);
  if (!table) return std::nullopt;
  good.table = std::move(*table);
  good.info.path = file.info.path;
  good.kept = kept->path;
  return good;
}

/// The task types of a file that was refused, unless somebody serves them.
void Registry::Impl::serve_last_good(PluginFile& file) {
  if (file.info.state != PluginState::kRefused || find_serving(file.info.id) != nullptr) return;
  const auto good = last_good_of(file);
  if (!good || !has_tasks(*good->manifest) || find_serving(good->info.id) != nullptr) return;
  ManagedPlugin& plugin = plugin_of(good->info.id);
  if (const Status served = plugin.serve_tasks(*good); !served)
    return plugin.tell_failed("load", "nor does the last good version: " + served.error().message);
  note_stand_in(*good, file.info.reason);
}

/// It serves; the file that it stands in for is known, and will not be tried again as it is.
void Registry::Impl::note_stand_in(const PluginFile& good, const std::string& why) {
  for (PluginFile& file : files) {
    if (file.info.path != good.info.path) continue;
    if (file.usable()) refuse(file, why);
    tried.note(file.info.path, file.info.sha256.empty() ? file.info.reason : file.info.sha256);
    plugin_of(good.info.id).stand_in_for(file.info);
  }
}

void Registry::Impl::keep_good() {
  LastGood& kept = intake.last_good();
  for (const auto& [id, plugin] : plugins) {
    const Generation* now = plugin.proven();
    if (now == nullptr) continue;
    const Recipe& recipe = plugin.serving();
    if (intake.quarantine().has(recipe.file.sha256)) continue;
    kept.keep(
        {recipe.source, id, recipe.manifest.version, recipe.file.sha256, SystemClock().wall_ms()},
        recipe.file, now->tally().calls > 0);
  }
  kept.write();
}

bool Registry::Impl::is_turned_off(const std::string& id) const {
  const auto own = tables.find(id);
  if (own == tables.end()) return false;
  const auto table = parse_plugin_table(id, own->second);
  return table && !table->enabled;
}

/// What was delivered and is no longer there was withdrawn by whoever delivers.
std::map<std::string, std::string> Registry::Impl::expected() {
  std::map<std::string, std::string> out;
  for (const auto& [id, table] : tables)
    if (!is_turned_off(id)) out[id];
  for (const auto& [source, entry] : intake.last_good().entries()) {
    std::error_code ec;
    const bool delivered = is_beneath(source, options.arrivals);
    if (is_turned_off(entry.id) || (delivered && !std::filesystem::exists(source, ec))) continue;
    out[entry.id] = source;
  }
  return out;
}

std::vector<std::string> Registry::missing() const {
  std::map<std::string, std::string> missing;
  {
    const MutexLock lock(impl_->mutex);
    missing = impl_->shown_expected;
  }
  std::map<std::string, std::string> refused;
  for (const PluginInfo& plugin : list())
    if (plugin.state == PluginState::kRefused)
      refused[plugin.id] = plugin.reason;
    else
      missing.erase(plugin.id);
  std::vector<std::string> out;
  for (const auto& [id, source] : missing) {
    std::string why = source.empty()
                          ? "it has a table, and there is no such plugin; next: install "
                            "it, or remove the table"
                          : "its file is gone: " + source + "; next: put it back, or [plugins." +
                                id + "] enabled = false";
    if (const auto at = refused.find(id); at != refused.end())
      why = at->second.substr(0, at->second.find('\n')) + "; next: skep plugin show " + id;
    out.push_back("plugin " + id + " does not serve: " + why);
  }
  return out;
}

}  // namespace skep::plugin
