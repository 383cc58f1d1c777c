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
  return error.code != Code::kInvalid && error.id() != "script-shadowed";
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
      file.info.state == state && file.info.sha256 == sha256 && file.info.reason == reason;
  if (known) return;
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
  const auto text = read_script(path);
  if (!text && text.error().code == Code::kNotFound) return gone(path);
  File& file = files_[path];
  if (file.info.path.empty()) {
    file.info.path = path;
    file.info.name = fs::path(path).stem().string();
  }
  if (!tried_.is_news(path, text ? text->sha256 : text.error().message)) return;
  if (!text) return fail(file, ScriptState::kFailed, "", text.error());
  const std::string engine_id = fs::path(path).stem().string() + "@" + std::to_string(++loads_);
  const std::string served_before = file.serves;
  const auto loaded = load(path, *text, engine_id);
  const Status served = loaded ? serve(file, *loaded, *text, engine_id) : Status(loaded.error());
  if (served) {
    if (!served_before.empty() && served_before != file.serves) retry_shadowed(served_before);
    return;
  }
  engine_->drop(engine_id);
  const bool shadowed = served.error().id() == "script-shadowed";
  fail(file, shadowed ? ScriptState::kShadowed : ScriptState::kFailed, text->sha256,
       with_context(served.error(), path));
}

void ScriptRegistry::gone(const std::string& path) {
  tried_.forget(path);
  const auto at = files_.find(path);
  if (at == files_.end()) return;
  const std::string name = at->second.serves;
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
