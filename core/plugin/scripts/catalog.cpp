#include "core/plugin/scripts/catalog.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>

#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

/// Bursts of one save are one change; what is missed is found when all files are looked at.
constexpr Millis kScriptsSettle{10};
constexpr Millis kScriptsLookAgain{30'000};
constexpr Millis kLeaving{1'000};

/// Adds what the node grants to the request of every run.
class GrantingTarget final : public TaskTarget {
 public:
  GrantingTarget(std::unique_ptr<TaskTarget> inner, const std::vector<std::string>& granted)
      : inner_(std::move(inner)) {
    JsonOut list;
    list.array();
    for (const std::string& p : granted) list.str(p);
    member_ = ",\"permissions\":" + list.end_array().take() + "}";
  }
  model::Outcome run(TaskCall& call, std::string_view request_json) override {
    std::string request(request_json.substr(0, request_json.size() - 1));
    return inner_->run(call, request + member_);
  }

 private:
  std::unique_ptr<TaskTarget> inner_;
  std::string member_;
};

std::string file_name(const std::string& path) { return fs::path(path).filename().string(); }

Error with_context(Error error, const std::string& path) {
  if (!error.message.starts_with(file_name(path)) && !error.message.starts_with(path))
    error.message = file_name(path) + ": " + error.message;
  return error;
}

std::vector<std::string> watched_folders(const ScriptOptions& options) {
  std::vector<std::string> folders = options.paths;
  if (!options.lock_file.empty())
    folders.push_back(fs::path(options.lock_file).parent_path().string());
  return folders;
}

/// Whether the same text may be taken another time: it was not the text that was wrong.
bool may_pass(const Error& error) {
  return error.code != Code::kInvalid && error.id() != "script-shadowed";
}

/// A copy that nobody else may change, gone with the object.
class StagedCopy {
 public:
  StagedCopy(std::string path, const std::string& text) : path_(std::move(path)) {
    std::error_code ec;
    fs::create_directories(fs::path(path_).parent_path(), ec);
    ::chmod(fs::path(path_).parent_path().c_str(), S_IRWXU);
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    out << text << std::flush;
    good_ = static_cast<bool>(out);
  }
  ~StagedCopy() {
    std::error_code ec;
    fs::remove(path_, ec);
  }
  StagedCopy(const StagedCopy&) = delete;
  StagedCopy& operator=(const StagedCopy&) = delete;
  bool good() const { return good_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool good_ = false;
};

}  // namespace

ScriptCatalog::ScriptCatalog(ScriptOptions options, std::shared_ptr<ScriptEngine> engine,
                             std::shared_ptr<TaskTable> table)
    : options_(std::move(options)),
      engine_(std::move(engine)),
      table_(std::move(table)),
      watch_(std::make_shared<FolderWatch>(watched_folders(options_))) {}

ScriptCatalog::~ScriptCatalog() { stop(); }

void ScriptCatalog::start() {
  look_at_all();
  thread_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
}

void ScriptCatalog::scan() {
  look_at_all();
  settle();
}

void ScriptCatalog::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  const std::lock_guard lock(mutex_);
  for (auto& [name, serving] : served_) serving->withdraw();
}

void ScriptCatalog::follow(const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  bool leaving = false;
  auto look_again = Clock::now() + kScriptsLookAgain;
  while (!stop.stop_requested()) {
    const auto left = std::chrono::ceil<Millis>(look_again - Clock::now());
    const auto changes = watch_->wait(
        std::clamp(left, Millis{0}, leaving ? kLeaving : kScriptsLookAgain), kScriptsSettle, stop);
    if (stop.stop_requested()) return;
    if (changes.overflow || changes.access || Clock::now() >= look_again) {
      look_at_all();
      look_again = Clock::now() + kScriptsLookAgain;
    } else {
      for (const std::string& path : changes.paths) look_at(path);
    }
    leaving = settle();
  }
}

void ScriptCatalog::look_at(const std::string& path) {
  constexpr std::string_view kSignature = ".minisig";
  if (fs::path(path).lexically_normal() == fs::path(options_.lock_file).lexically_normal())
    return look_at_all();
  const std::string file =
      path.ends_with(kSignature) ? path.substr(0, path.size() - kSignature.size()) : path;
  if (rank(file) < options_.paths.size() && is_script_file(file, options_.ending)) refresh(file);
}

void ScriptCatalog::look_at_all() {
  std::vector<std::string> paths = find_scripts(options_.paths, options_.ending);
  for (const auto& [path, file] : files_)
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  for (const std::string& path : paths) refresh(path);
}

std::size_t ScriptCatalog::rank(const std::string& path) const {
  const std::string folder = fs::path(path).parent_path().string();
  for (std::size_t i = 0; i < options_.paths.size(); ++i)
    if (fs::path(options_.paths[i]).lexically_normal() == fs::path(folder).lexically_normal())
      return i;
  return options_.paths.size();
}

ScriptServing& ScriptCatalog::serving_of(const std::string& name) {
  auto& at = served_[name];
  if (!at)
    at =
        std::make_unique<ScriptServing>(name, table_, engine_, [watch = watch_] { watch->wake(); });
  return *at;
}

ScriptServing* ScriptCatalog::owner_of_name(const std::string& name) {
  const auto at = served_.find(name);
  return at == served_.end() || !at->second->serves() ? nullptr : at->second.get();
}

void ScriptCatalog::fail(File& file, std::string state, std::string sha256, const Error& error) {
  if (may_pass(error)) file.tried.clear();
  const std::string reason = error.with_advice();
  const std::lock_guard lock(mutex_);
  const bool known =
      file.info.state == state && file.info.sha256 == sha256 && file.info.reason == reason;
  if (known) return;
  file.info.sha256 = std::move(sha256);
  file.info.state = std::move(state);
  file.info.reason = reason;
  events::publish(log::Level::kError,
                  file.info.state == "shadowed" ? "script.shadowed" : "script.failed",
                  {{"id", file.info.name},
                   {"path", file.info.path},
                   {"sha256", file.info.sha256},
                   {"reason", file.info.reason},
                   {"old_serves", !file.serves.empty()}});
}

void ScriptCatalog::refresh(const std::string& path) {
  const auto text = read_script(path);
  if (!text && text.error().code == Code::kNotFound) return gone(path);
  File* file = nullptr;
  {
    const std::lock_guard lock(mutex_);
    file = &files_[path];
    if (file->info.path.empty()) {
      file->info.path = path;
      file->info.name = fs::path(path).stem().string();
    }
  }
  const std::string tried = text ? text->sha256 : text.error().message;
  if (file->tried == tried) return;
  file->tried = tried;
  if (!text) return fail(*file, "failed", "", text.error());
  const std::string engine_id = fs::path(path).stem().string() + "@" + std::to_string(++loads_);
  const std::string served_before = file->serves;
  auto manifest = load(path, *text, engine_id);
  Status served;
  if (manifest)
    served = serve(*file, std::move(*manifest), *text, engine_id);
  else
    served = manifest.error();
  if (served) {
    if (!served_before.empty() && served_before != file->serves) retry_shadowed(served_before);
    return;
  }
  engine_->drop(engine_id);
  fail(*file, served.error().id() == "script-shadowed" ? "shadowed" : "failed", text->sha256,
       with_context(served.error(), path));
}

Result<ScriptManifest> ScriptCatalog::load(const std::string& path, const ScriptText& text,
                                           const std::string& engine_id) {
  Candidate candidate{"", "", "lua", text.sha256, "", path};
  std::optional<StagedCopy> copy;
  if (options_.admission) {
    copy.emplace(options_.staging_dir + "/scripts/" + engine_id + options_.ending, text.text);
    if (!copy->good()) return errno_error("stage " + path + " as " + copy->path(), errno);
    candidate.staged_path = copy->path();
    SKEP_TRY(options_.admission(candidate));
  }
  const auto said = engine_->load(engine_id, file_name(path), text.text);
  if (!said) return said.error();
  auto manifest = parse_script_manifest(*said, file_name(path));
  if (!manifest) return manifest.error();
  SKEP_TRY(check_policy(*manifest, path));
  candidate.id = manifest->name;
  candidate.version = manifest->version;
  if (options_.admission) SKEP_TRY(options_.admission(candidate));
  return manifest;
}

Status ScriptCatalog::check_policy(const ScriptManifest& manifest, const std::string& path) const {
  const bool shipped = !options_.shipped.empty() && rank(path) < options_.paths.size() &&
                       fs::path(options_.paths[rank(path)]) == fs::path(options_.shipped);
  return options_.policy.check(file_name(path), manifest.name, manifest.permissions, shipped);
}

ScriptVersion ScriptCatalog::make_version(const ScriptManifest& manifest, const File& file,
                                          const ScriptText& text, const std::string& engine_id) {
  const ScriptRule& rule = options_.policy.rule(manifest.name);
  ports::TaskType type{manifest.name, manifest.description, manifest.version,
                       manifest.params.text(),
                       rule.timeout_ms > 0 ? rule.timeout_ms : manifest.timeout_ms};
  auto target = std::make_unique<GrantingTarget>(
      engine_->target(engine_id, file_name(file.info.path), text.text), manifest.permissions);
  const std::string owner = ScriptServing::owner_of(manifest.name);
  GenerationInfo info;
  info.number = serving_of(manifest.name).next_number();
  info.version = manifest.version;
  info.sha256 = text.sha256;
  return {std::make_shared<Generation>(owner, std::move(info)),
          std::make_shared<TaskComponent>(
              std::move(target), TaskComponent::Options{owner, std::move(type), manifest.params,
                                                        rule.max_concurrency}),
          engine_id, file.info.path};
}

Status ScriptCatalog::serve(File& file, ScriptManifest manifest, const ScriptText& text,
                            const std::string& engine_id) {
  const std::lock_guard lock(mutex_);
  file.info.name = manifest.name;
  file.info.version = manifest.version;
  file.info.description = manifest.description;
  file.info.sha256 = text.sha256;
  file.info.permissions = manifest.permissions;
  file.info.warnings = manifest.warnings;
  if (!options_.policy.rule(manifest.name).enabled) {
    engine_->drop(engine_id);
    stop_serving(file);
    file.info.state = "disabled";
    file.info.reason = "[scripts." + manifest.name + "] enabled = false";
    return {};
  }
  const ScriptServing* owner = owner_of_name(manifest.name);
  const bool other = owner != nullptr && owner->path() != file.info.path;
  if (other && rank(owner->path()) <= rank(file.info.path))
    return Error{
        Code::kState,
        "task type " + manifest.name + " is that of " + owner->path() + ", which comes first",
        "script-shadowed", "give one of the two another name"};
  if (other) {
    File& shadowed = files_[owner->path()];
    shadowed.serves.clear();
    shadowed.info.state = "shadowed";
    shadowed.info.reason = file.info.path + " comes first";
  }
  SKEP_TRY(serving_of(manifest.name).put(make_version(manifest, file, text, engine_id)));
  if (file.serves != manifest.name) stop_serving(file);
  file.serves = manifest.name;
  file.info.state = "active";
  file.info.reason.clear();
  return {};
}

/// REQUIRES: the mutex is held.
void ScriptCatalog::stop_serving(File& file) {
  if (file.serves.empty()) return;
  events::publish(log::Level::kInfo, "script.removed",
                  {{"id", file.serves}, {"path", file.info.path}});
  serving_of(file.serves).withdraw();
  file.serves.clear();
}

void ScriptCatalog::gone(const std::string& path) {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    const auto at = files_.find(path);
    if (at == files_.end()) return;
    name = at->second.serves;
    stop_serving(at->second);
    files_.erase(at);
  }
  if (!name.empty()) retry_shadowed(name);
}

void ScriptCatalog::retry_shadowed(const std::string& name) {
  std::vector<std::string> paths;
  for (auto& [path, file] : files_)
    if (file.info.name == name && file.info.state == "shadowed") {
      file.tried.clear();
      paths.push_back(path);
    }
  std::sort(paths.begin(), paths.end(),
            [this](const auto& a, const auto& b) { return rank(a) < rank(b); });
  for (const std::string& path : paths) refresh(path);
}

bool ScriptCatalog::settle() {
  const std::lock_guard lock(mutex_);
  bool leaving = false;
  for (auto& [name, serving] : served_) leaving = serving->settle() || leaving;
  return leaving;
}

std::vector<ScriptInfo> ScriptCatalog::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ScriptInfo> out;
  for (const auto& [path, file] : files_) {
    out.push_back(file.info);
    const auto at = served_.find(file.info.name);
    if (at == served_.end() || (at->second->path() != path && file.info.state != "failed"))
      continue;
    ScriptInfo& info = out.back();
    info.generations = at->second->generations();
    if (info.state != "active" || info.generations.front().state != "rolled_back") continue;
    info.state = "rolled_back";
    info.reason = info.generations.front().reason;
  }
  std::stable_sort(out.begin(), out.end(),
                   [this](const auto& a, const auto& b) { return rank(a.path) < rank(b.path); });
  return out;
}

}  // namespace skep::plugin
