// Files of scripts that come, change and go.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "core/base/events.hpp"
#include "core/plugin/scripts/registry.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

/// Bursts of one save are one change; what is missed is found when all files are looked at.
constexpr Millis kScriptsSettle{10};
constexpr Millis kScriptsLookAgain{30'000};
constexpr Millis kLeaving{1'000};

std::string file_name_of(const std::string& path) { return fs::path(path).filename().string(); }

Error with_context(Error error, const std::string& path) {
  if (!error.message.starts_with(file_name_of(path)) && !error.message.starts_with(path))
    error.message = file_name_of(path) + ": " + error.message;
  return error;
}

/// Whether the same text may be taken another time: it was not the text that was wrong.
bool may_pass(const Error& error) {
  return error.code != Code::kInvalid && error.id() != "script-shadowed" &&
         error.id() != "quarantined";
}

ScriptState state_after(const Error& error) {
  if (error.id() == "script-shadowed") return ScriptState::kShadowed;
  return error.id() == "quarantined" ? ScriptState::kRolledBack : ScriptState::kFailed;
}

}  // namespace

void ScriptRegistry::follow(const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  bool leaving = false;
  auto look_again = Clock::now() + kScriptsLookAgain;
  while (!stop.stop_requested()) {
    const auto left = std::chrono::ceil<Millis>(look_again - Clock::now());
    const auto changes = watch_->wait(
        std::clamp(left, Millis{0}, leaving ? kLeaving : kScriptsLookAgain), kScriptsSettle, stop);
    if (stop.stop_requested()) return;
    const MutexLock lock(turn_);
    if (changes.overflow || changes.access || Clock::now() >= look_again) {
      look_at_all();
      look_again = Clock::now() + kScriptsLookAgain;
    } else {
      for (const std::string& path : changes.paths) look_at(path);
    }
    leaving = settle();
    show();
    keep_good();
  }
}

void ScriptRegistry::look_at(const std::string& path) {
  constexpr std::string_view kSignature = ".minisig";
  if (fs::path(path).lexically_normal() == fs::path(options_.lock_file).lexically_normal())
    return look_at_all();
  const std::string file =
      path.ends_with(kSignature) ? path.substr(0, path.size() - kSignature.size()) : path;
  if (rank(file) < options_.paths.size() && is_script_file(file, options_.ending)) refresh(file);
}

void ScriptRegistry::look_at_all() {
  std::vector<std::string> paths = find_scripts(options_.paths, options_.ending);
  for (const auto& [path, file] : files_)
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  for (const std::string& path : paths) refresh(path);
}

void ScriptRegistry::fail(File& file, ScriptState state, std::string sha256, const Error& error) {
  if (may_pass(error)) tried_.forget(file.info.path);
  const std::string reason = error.with_advice();
  const bool known =
      file.info.state == state && file.info.sha256 == sha256 && file.failed == reason;
  if (known) return;
  file.failed = reason;
  file.info.sha256 = std::move(sha256);
  file.info.state = state;
  file.info.reason = reason;
  news_->push_back([info = file.info, old_serves = !file.serves.empty()] {
    events::publish(log::Level::kError,
                    info.state == ScriptState::kShadowed ? "script.shadowed" : "script.failed",
                    {{"id", info.name},
                     {"path", info.path},
                     {"sha256", info.sha256},
                     {"reason", info.reason},
                     {"old_serves", old_serves}});
  });
}

void ScriptRegistry::refresh(const std::string& path) {
  auto text = read_script(path);
  if (!text && text.error().code == Code::kNotFound) return gone(path);
  File& file = files_[path];
  if (file.info.path.empty()) {
    file.info.path = path;
    file.info.name = fs::path(path).stem().string();
  }
  const std::string sha256 = text ? text->sha256 : "";
  if (!tried_.is_news(path, text ? sha256 : text.error().message)) return;
  // The text before was replaced: it is tried again when somebody brings it back.
  if (text && sha256 != file.info.sha256) quarantine_->remove(file.info.sha256);
  const std::string served_before = file.serves;
  const Status served =
      text ? try_text(file, attempt(path, path, std::move(*text))) : Status(text.error());
  if (served) {
    if (!served_before.empty() && served_before != file.serves) retry_shadowed(served_before);
    return;
  }
  fail(file, state_after(served.error()), sha256,
       text ? with_context(served.error(), path) : served.error());
  serve_last_good(file);
}

/// Unless a text of it serves, the one that last served well, as any other text would.
void ScriptRegistry::serve_last_good(File& file) {
  if (!file.serves.empty() || file.info.state == ScriptState::kShadowed) return;
  const auto kept = last_good_.find(file.info.path);
  if (!kept || kept->entry.sha256 == file.info.sha256) return;
  const ScriptInfo refused = file.info;
  auto text = read_script(kept->path);
  const Status served = text ? try_text(file, attempt(refused.path, kept->path, std::move(*text)))
                             : Status(text.error());
  file.info.sha256 = refused.sha256;
  if (served && file.info.state == ScriptState::kDisabled) return;
  const std::string word =
      served ? last_good_serves(kept->entry.version, kept->entry.sha256)
             : "nor does the last good version serve: " + served.error().with_advice();
  if (!served) file.info = refused;
  file.info.state = refused.state;
  file.info.reason = refused.reason + "\n" + word;
  if (!served) return;
  news_->push_back([id = file.info.name, entry = kept->entry, reason = file.info.reason] {
    events::publish(log::Level::kError, "script.last_good",
                    {{"id", id},
                     {"version", entry.version},
                     {"sha256", entry.sha256},
                     {"path", entry.source},
                     {"reason", reason}});
  });
}

/// Only what has proved itself.
void ScriptRegistry::keep_good() {
  for (const auto& [name, script] : scripts_) {
    const ScriptVersion* good = script->proven();
    if (good == nullptr || !good->copy) continue;
    const GenerationInfo info = good->generation->info();
    last_good_.keep({good->path, name, info.version, info.sha256, SystemClock().wall_ms()},
                    {good->copy->path(), info.sha256}, info.calls > 0);
  }
  last_good_.write();
}

std::vector<std::string> ScriptRegistry::find_missing() {
  std::vector<std::string> out;
  for (const auto& [source, entry] : last_good_.entries()) {
    if (entry.removed || find_serving(entry.id) != nullptr ||
        !options_.policy.rule(entry.id).enabled)
      continue;
    const auto file = files_.find(source);
    const std::string why =
        file == files_.end()
            ? "its file is gone: " + source + "; next: put it back, or [scripts." + entry.id +
                  "] enabled = false"
            : file->second.info.reason.substr(0, file->second.info.reason.find('\n')) +
                  "; next: skep script list";
    out.push_back("script " + entry.id + " does not serve: " + why);
  }
  return out;
}

void ScriptRegistry::gone(const std::string& path) {
  tried_.forget(path);
  const auto at = files_.find(path);
  if (at == files_.end()) return;
  const std::string name = at->second.serves;
  quarantine_->remove(at->second.info.sha256);
  last_good_.note_removed(path);
  stop_serving(at->second);
  files_.erase(at);
  if (!name.empty()) retry_shadowed(name);
}

void ScriptRegistry::retry_shadowed(const std::string& name) {
  std::vector<std::string> paths;
  for (const auto& [path, file] : files_)
    if (file.info.name == name && file.info.state == ScriptState::kShadowed) {
      tried_.forget(path);
      paths.push_back(path);
    }
  std::sort(paths.begin(), paths.end(),
            [this](const auto& a, const auto& b) { return rank(a) < rank(b); });
  for (const std::string& path : paths) refresh(path);
}

}  // namespace skep::plugin
