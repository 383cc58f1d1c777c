// Files that come, change and go while the node runs.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "core/base/text.hpp"
#include "core/plugin/keeper.hpp"
#include "core/plugin/registry_impl.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

constexpr Millis kSettle{50};
/// Without a word of the folders we look as often: notice may get lost.
constexpr Millis kLookAgain{5'000};

std::string access_of(const struct stat& st) {
  return std::to_string(st.st_mode) + " " + std::to_string(st.st_uid) + " " +
         std::to_string(st.st_gid);
}

std::string content_of(const struct stat& st) {
  return std::to_string(st.st_ino) + " " + std::to_string(st.st_size) + " " +
         std::to_string(st.st_mtim.tv_sec) + "." + std::to_string(st.st_mtim.tv_nsec);
}

/// Who may write the file and what is in it; "" when there is none.
std::string stamp_of(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? content_of(st) + " " + access_of(st) : std::string();
}

std::map<std::string, FileStamp> stamps_of(const std::vector<std::string>& folders,
                                           const std::string& lock_file) {
  std::map<std::string, FileStamp> out;
  const std::string lock = lock_file.empty() ? "" : stamp_of(lock_file);
  for (const std::string& folder : folders) {
    struct stat of_folder {};
    if (::stat(folder.c_str(), &of_folder) != 0) continue;
    std::error_code ec;
    for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec)) {
      struct stat st {};
      const std::string path = at->path().string();
      if (at->path().extension() != ".so" || ::stat(path.c_str(), &st) != 0) continue;
      out[path] = {content_of(st), access_of(st) + ", " + access_of(of_folder) + ", " +
                                       stamp_of(path + ".minisig") + ", " + lock};
    }
  }
  return out;
}

}  // namespace

void Verdicts::give(Verdict verdict) {
  const std::lock_guard lock(mutex_);
  const bool known = std::any_of(given_.begin(), given_.end(),
                                 [&](const Verdict& v) { return v.id == verdict.id; });
  if (known) return;
  given_.push_back(std::move(verdict));
  if (wake_) wake_();
}

std::vector<Verdicts::Verdict> Verdicts::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(given_, {});
}

void Verdicts::on_give(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

Keeper::Keeper(std::vector<std::string> folders, std::shared_ptr<Verdicts> verdicts,
               std::function<void()> look, std::function<void(const Verdicts::Verdict&)> roll_back)
    : Service("skep-plugins"),
      files_(std::move(folders)),
      verdicts_(std::move(verdicts)),
      look_(std::move(look)),
      roll_back_(std::move(roll_back)) {
  verdicts_->on_give([this] { files_.wake(); });
}

Keeper::~Keeper() {
  verdicts_->on_give({});
  stop();
}

void Keeper::run(std::stop_token stop) {
  while (!stop.stop_requested()) try {
      const auto changes = files_.wait(kLookAgain, kSettle, stop);
      if (stop.stop_requested()) return;
      const auto bad = verdicts_->take();
      for (const Verdicts::Verdict& verdict : bad) roll_back_(verdict);
      if (changes.any() || bad.empty()) look_();
    } catch (const std::exception& e) {
      log::error("plugin_watch_failed", {{"error", e.what()}});
    }
}

void Registry::Impl::notice_gone_files() {
  for (auto& [id, plugin] : plugins) {
    std::error_code ec;
    const bool gone = plugin.current && !fs::exists(plugin.info.path, ec);
    if (gone == plugin.gone) continue;
    const std::lock_guard told(mutex);
    plugin.gone = gone;
    plugin.failed_sha256.clear();
    plugin.trouble.clear();
    if (!gone) continue;
    plugin.trouble = "its file is gone: " + plugin.info.path +
                     "; what was loaded goes on serving\n  next: put the file back, or turn the "
                     "plugin off";
    publish("plugin.failed", plugin.current->recipe(), plugin.current->generation()->number(),
            log::Level::kWarn, plugin.trouble);
  }
}

/// Beside a version that serves; said once.
void Registry::Impl::notice_broken_file(const CatalogEntry& entry) {
  if (find_entry(entries, entry.info.id) != &entry) return;
  const std::string& file = entry.info.sha256.empty() ? entry.info.reason : entry.info.sha256;
  if (std::exchange(tried[entry.info.path], file) == file) return;
  publish_failed(plugins.find(entry.info.id)->second, "verify", entry.info.reason);
}

/// In quarantine, and list() says so already.
bool Registry::Impl::is_known_as_bad(const Plugin& plugin, const std::string& sha256) const {
  return plugin.failed_sha256 == sha256 && quarantine.has(sha256);
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
    folders.push_back(fs::absolute(options.lock_file).parent_path().string());
  return folders;
}

/// What was refused because others may write it, or for want of a signature or a pin, is tried
/// again once any of that has changed.
void Registry::Impl::look_again_at(const std::map<std::string, FileStamp>& files) {
  for (const auto& [path, stamp] : files) {
    const auto seen = seen_files.find(path);
    if (seen == seen_files.end() || seen->second.admission == stamp.admission) continue;
    tried.erase(path);
    refusals.erase(path);
  }
}

/// A file that cannot be read as a plugin (half written, say) stops nothing: the next change of the
/// folder, or the next look, reads it again.
void Registry::Impl::look_at_files() {
  const std::lock_guard lock(work);
  serve_freed_types();
  auto now = stamps_of(options.paths, options.lock_file);
  if (now == seen_files) return;
  look_again_at(now);
  seen_files = std::move(now);
  if (const Status scanned = scan(); !scanned)
    log::warn("plugin_tables_do_not_fit", {{"error", scanned.error().message}});
  notice_gone_files();
  for (CatalogEntry& entry : entries) {
    const auto at = plugins.find(entry.info.id);
    const bool runs = at != plugins.end() && at->second.current != nullptr;
    if (runs && entry.usable() && entry.info.sha256 == at->second.current->recipe().file.sha256)
      forget_trouble(at->second);  // the file that serves is the one that is there
    if (runs && entry.info.state == "refused") notice_broken_file(entry);
    if (!entry.usable()) continue;
    const bool due = runs ? entry.info.sha256 != at->second.current->recipe().file.sha256 &&
                                !is_known_as_bad(at->second, entry.info.sha256)
                          : serving && has_tasks(*entry.manifest);
    if (!due || tried[entry.info.path] == entry.info.sha256) continue;
    if (runs)
      static_cast<void>(reload(entry));  // says itself what went wrong
    else
      serve_tasks(entry);
  }
}

}  // namespace skep::plugin
