// Files that come, change and go while the node runs.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "core/base/events.hpp"
#include "core/base/text.hpp"
#include "core/plugin/keeper.hpp"
#include "core/plugin/registry_impl.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

constexpr Millis kSettle{50};
/// Without a word of the folders we look as often: notice may get lost.
constexpr Millis kLookAgain{5'000};

bool has_tasks(const CatalogEntry& entry) {
  const auto& components = entry.manifest->components;
  return std::any_of(components.begin(), components.end(),
                     [](const ManifestComponent& c) { return c.kind == SKEP_KIND_TASK; });
}

/// Which files there are, and of which inode, size and time: equal when nothing was touched.
std::string signature_of(const std::vector<std::string>& folders) {
  std::vector<std::string> lines;
  for (const std::string& folder : folders) {
    std::error_code ec;
    for (const auto& file : std::filesystem::directory_iterator(folder, ec)) {
      struct stat st {};
      if (file.path().extension() != ".so" || ::stat(file.path().c_str(), &st) != 0) continue;
      lines.push_back(file.path().string() + " " + std::to_string(st.st_ino) + " " +
                      std::to_string(st.st_size) + " " + std::to_string(st.st_mtim.tv_sec) + "." +
                      std::to_string(st.st_mtim.tv_nsec));
    }
  }
  std::sort(lines.begin(), lines.end());
  return join(lines, "\n");
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
  while (!stop.stop_requested()) {
    const auto changes = files_.wait(kLookAgain, kSettle, stop);
    if (stop.stop_requested()) return;
    const auto bad = verdicts_->take();
    for (const Verdicts::Verdict& verdict : bad) roll_back_(verdict);
    if (changes.any() || bad.empty()) look_();
  }
}

void Registry::Impl::notice_gone_files() {
  for (auto& [id, plugin] : plugins) {
    std::error_code ec;
    const bool gone = plugin.current && !std::filesystem::exists(plugin.info.path, ec);
    if (gone == plugin.gone) continue;
    const std::lock_guard told(mutex);
    plugin.gone = gone;
    plugin.failed_sha256.clear();
    plugin.trouble.clear();
    if (!gone) continue;
    plugin.trouble = "its file is gone: " + plugin.info.path +
                     "; what was loaded goes on serving\n  next: put the file back, or turn the "
                     "plugin off";
    publish("plugin.failed", plugin, plugin.current->recipe(),
            plugin.current->generation()->number(), log::Level::kWarn, plugin.trouble);
  }
}

/// A file that cannot be read as a plugin (half written, say) changes nothing: the next change of
/// the folder, or the next look, reads it again.
void Registry::Impl::look_at_files() {
  const std::lock_guard lock(work);
  std::string now = signature_of(options.paths);
  if (now == seen_files) return;
  seen_files = std::move(now);
  if (const Status scanned = scan(); !scanned)
    log::warn("plugin_tables_do_not_fit", {{"error", scanned.error().message}});
  notice_gone_files();
  for (CatalogEntry& entry : entries) {
    const auto at = plugins.find(entry.info.id);
    const bool runs = at != plugins.end() && at->second.current != nullptr;
    if (runs && entry.usable() && entry.info.sha256 == at->second.current->recipe().file.sha256)
      forget_trouble(at->second);  // the file that serves is the one that is there
    if (!entry.usable() || quarantine.count(entry.info.sha256) > 0) continue;
    if (!runs && serving && has_tasks(entry) && tried[entry.info.path] != entry.info.sha256) {
      tried[entry.info.path] = entry.info.sha256;
      serve_tasks(entry);
    } else if (runs && entry.info.sha256 != at->second.current->recipe().file.sha256 &&
               tried[entry.info.path] != entry.info.sha256) {
      tried[entry.info.path] = entry.info.sha256;
      static_cast<void>(reload(entry));  // says itself what went wrong
    }
  }
}

}  // namespace skep::plugin
