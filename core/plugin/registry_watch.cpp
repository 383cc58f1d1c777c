// Files that come, change and go while the node runs.
#include <filesystem>

#include "core/base/log.hpp"
#include "core/plugin/registry_impl.hpp"

namespace skep::plugin {

void Registry::Impl::roll_back(const Condemned& bad) {
  const MutexLock lock(turn);
  if (ManagedPlugin* plugin = find_plugin(bad.id)) plugin->roll_back(bad);
  keep_good();
}

/// Beside a version that serves; said once.
void Registry::Impl::notice_broken_file(const PluginFile& file, const ManagedPlugin& plugin) {
  if (find_file(files, file.info.id) != &file) return;
  const std::string& content = file.info.sha256.empty() ? file.info.reason : file.info.sha256;
  if (tried.is_news(file.info.path, content)) plugin.tell_failed("verify", file.info.reason);
}

/// What an operator changes between the first refusal and the first look counts, too.
void Registry::Impl::note_admissions() {
  if (!seen_files.empty()) return;
  for (auto& [path, stamp] : stamps_of(options.paths, options.lock_file))
    seen_files[path].admission = std::move(stamp.admission);
}

std::vector<std::string> Registry::Impl::watched_folders() const {
  std::vector<std::string> folders = options.paths;
  if (!options.lock_file.empty())
    folders.push_back(std::filesystem::absolute(options.lock_file).parent_path().string());
  return folders;
}

/// What was refused because others may write it, or for want of a signature or a pin, is tried
/// again once any of that has changed.
void Registry::Impl::look_again_at(const FileStamps& now) {
  for (const auto& [path, stamp] : now) {
    const auto seen = seen_files.find(path);
    if (seen == seen_files.end() || seen->second.admission == stamp.admission) continue;
    tried.forget(path);
    refusals.erase(path);
  }
}

/// A file that cannot be read as a plugin (half written, say) stops nothing: the next change of the
/// folder, or the next look, reads it again.
void Registry::Impl::look_at_files() {
  const MutexLock lock(turn);
  for (auto& [id, plugin] : plugins) plugin.serve_freed_types();
  keep_good();
  auto now = stamps_of(options.paths, options.lock_file);
  if (now == seen_files) return;
  look_again_at(now);
  seen_files = std::move(now);
  if (const Status scanned = scan(); !scanned)
    log::warn("plugin_tables_do_not_fit", {{"error", scanned.error().message}});
  for (auto& [id, plugin] : plugins) {
    std::error_code ec;
    if (plugin.serves()) plugin.note_file(std::filesystem::exists(plugin.serving().source, ec));
  }
  for (PluginFile& file : files) look_at(file);
}

void Registry::Impl::look_at(PluginFile& file) {
  ManagedPlugin* plugin = find_serving(file.info.id);
  const bool same = plugin != nullptr && plugin->serving().file.sha256 == file.info.sha256;
  if (same && file.usable()) plugin->forget_trouble();
  if (plugin != nullptr && file.info.state == PluginState::kRefused)
    notice_broken_file(file, *plugin);
  if (!file.usable()) return;
  const bool due = plugin != nullptr ? !same && !plugin->is_known_as_bad(file.info.sha256)
                                     : serving && has_tasks(*file.manifest);
  if (!due || !tried.is_news(file.info.path, file.info.sha256)) return;
  if (plugin == nullptr) return serve_tasks(file);
  static_cast<void>(plugin->reload(file));  // says itself what went wrong
}

}  // namespace skep::plugin
