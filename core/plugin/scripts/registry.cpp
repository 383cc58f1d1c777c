#include "core/plugin/scripts/registry.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

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

std::vector<std::string> watched_folders(const ScriptOptions& options) {
  std::vector<std::string> folders = options.paths;
  if (!options.lock_file.empty())
    folders.push_back(fs::path(options.lock_file).parent_path().string());
  return folders;
}

std::string kept_in(const ScriptOptions& options, const std::string& name) {
  return options.state_dir.empty() ? "" : options.state_dir + "/" + name;
}

std::string way_out_for_scripts(const std::string&) {
  return "repair the file; to try the same text again, remove it and put it back";
}

}  // namespace

std::string_view to_string(ScriptState s) {
  constexpr std::array<std::string_view, 5> kWords{"active", "failed", "shadowed", "disabled",
                                                   "rolled_back"};
  return kWords.at(static_cast<std::size_t>(s));
}

ScriptRegistry::ScriptRegistry(ScriptOptions options, std::shared_ptr<ScriptEngine> engine,
                               std::shared_ptr<TaskTable> table)
    : options_(std::move(options)),
      engine_(std::move(engine)),
      table_(std::move(table)),
      watch_(std::make_shared<FolderWatch>(watched_folders(options_))),
      quarantine_(std::make_shared<Quarantine>(kept_in(options_, "script-quarantine.json"),
                                               way_out_for_scripts)),
      last_good_(kept_in(options_, "last-good/scripts"), options_.ending) {}

ScriptRegistry::~ScriptRegistry() { stop(); }

void ScriptRegistry::start() {
  {
    const MutexLock lock(turn_);
    last_good_.clear();
    look_at_all();
    show();
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
}

void ScriptRegistry::scan() {
  const MutexLock lock(turn_);
  look_at_all();
  settle();
  show();
  keep_good();
}

void ScriptRegistry::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  const MutexLock lock(turn_);
  keep_good();
  for (auto& [name, script] : scripts_) script->withdraw();
  show();
}

std::size_t ScriptRegistry::rank(const std::string& path) const {
  const std::string folder = fs::path(path).parent_path().string();
  for (std::size_t i = 0; i < options_.paths.size(); ++i)
    if (fs::path(options_.paths[i]).lexically_normal() == fs::path(folder).lexically_normal())
      return i;
  return options_.paths.size();
}

ManagedScript& ScriptRegistry::script_of(const std::string& name) {
  auto& at = scripts_[name];
  if (at) return *at;
  at = std::make_unique<ManagedScript>(
      name, ManagedScript::Parts{table_, engine_, options_.admission,
                                 [watch = watch_] { watch->wake(); }, news_, quarantine_});
  return *at;
}

ManagedScript* ScriptRegistry::find_serving(const std::string& name) {
  const auto at = scripts_.find(name);
  return at == scripts_.end() || !at->second->serves() ? nullptr : at->second.get();
}

ScriptRegistry::Attempt ScriptRegistry::attempt(const std::string& path, const std::string& vouched,
                                                ScriptText text) {
  return {path, vouched, std::move(text),
          fs::path(path).stem().string() + "@" + std::to_string(++loads_)};
}

Status ScriptRegistry::try_text(File& file, const Attempt& what) {
  const auto loaded = load(what);
  Status served = loaded ? serve(file, *loaded, what) : Status(loaded.error());
  if (!served) engine_->drop(what.engine_id);
  return served;
}

Result<ScriptRegistry::Loaded> ScriptRegistry::load(const Attempt& what) const {
  const std::string& sha256 = what.text.sha256;
  if (quarantine_->has(sha256)) return quarantine_->refusal(sha256);
  Candidate candidate{"", "", "lua", sha256, "", what.vouched};
  std::shared_ptr<const StagedScript> copy;
  if (options_.admission || !options_.state_dir.empty()) {
    auto staged =
        StagedScript::make(options_.staging_dir + "/scripts/" + what.engine_id + options_.ending,
                           what.text.text, what.vouched);
    if (!staged) return staged.error();
    copy = std::move(*staged);
    candidate.staged_path = copy->path();
  }
  if (options_.admission) SKEP_TRY(options_.admission(candidate));
  const std::string name = file_name(what.path);
  const auto said = engine_->load(what.engine_id, name, what.text.text);
  if (!said) return said.error();
  auto manifest = parse_script_manifest(*said, name);
  if (!manifest) return manifest.error();
  SKEP_TRY(check_policy(*manifest, what.path));
  candidate.id = manifest->name;
  candidate.version = manifest->version;
  if (options_.admission) SKEP_TRY(options_.admission(candidate));
  return Loaded{std::move(*manifest), std::move(copy)};
}

Status ScriptRegistry::check_policy(const ScriptManifest& manifest, const std::string& path) const {
  const bool shipped = !options_.shipped.empty() && rank(path) < options_.paths.size() &&
                       fs::path(options_.paths[rank(path)]) == fs::path(options_.shipped);
  return options_.policy.check(file_name(path), manifest.name, manifest.permissions, shipped);
}

ScriptVersion ScriptRegistry::make_version(const Loaded& loaded, const Attempt& what) {
  const ScriptManifest& manifest = loaded.manifest;
  const ScriptRule& rule = options_.policy.rule(manifest.name);
  ports::TaskType type{manifest.name, manifest.description, manifest.version,
                       manifest.params.text(),
                       rule.timeout_ms > 0 ? rule.timeout_ms : manifest.timeout_ms};
  auto target = std::make_unique<GrantingTarget>(
      engine_->target(what.engine_id, file_name(what.path), what.text.text), manifest.permissions);
  const std::string owner = ManagedScript::owner_of(manifest.name);
  GenerationInfo info;
  info.version = manifest.version;
  info.sha256 = what.text.sha256;
  return {script_of(manifest.name).make_generation(std::move(info)),
          std::make_shared<TaskComponent>(
              std::move(target), TaskComponent::Options{owner, std::move(type), manifest.params,
                                                        rule.max_concurrency}),
          what.engine_id, what.path, loaded.copy};
}

Status ScriptRegistry::serve(File& file, const Loaded& loaded, const Attempt& what) {
  const ScriptManifest& manifest = loaded.manifest;
  file.info.name = manifest.name;
  file.info.version = manifest.version;
  file.info.description = manifest.description;
  file.info.sha256 = what.text.sha256;
  file.info.permissions = manifest.permissions;
  file.info.warnings = manifest.warnings;
  if (!options_.policy.rule(manifest.name).enabled) {
    engine_->drop(what.engine_id);
    stop_serving(file);
    file.info.state = ScriptState::kDisabled;
    file.info.reason = "[scripts." + manifest.name + "] enabled = false";
    return {};
  }
  const ManagedScript* owner = find_serving(manifest.name);
  const std::string other = owner == nullptr ? "" : owner->path();
  const bool is_other = !other.empty() && other != file.info.path;
  if (is_other && rank(other) <= rank(file.info.path))
    return Error{Code::kState,
                 "task type " + manifest.name + " is that of " + other + ", which comes first",
                 "script-shadowed", "give one of the two another name"};
  SKEP_TRY(script_of(manifest.name).put(make_version(loaded, what)));
  if (is_other) {
    File& shadowed = files_[other];
    shadowed.serves.clear();
    shadowed.info.state = ScriptState::kShadowed;
    shadowed.info.reason = file.info.path + " comes first";
  }
  if (file.serves != manifest.name) stop_serving(file);
  file.serves = manifest.name;
  file.info.state = ScriptState::kActive;
  file.info.reason.clear();
  return {};
}

void ScriptRegistry::stop_serving(File& file) {
  if (file.serves.empty()) return;
  news_->push_back([id = file.serves, path = file.info.path] {
    events::publish(log::Level::kInfo, "script.removed", {{"id", id}, {"path", path}});
  });
  script_of(file.serves).withdraw();
  file.serves.clear();
}

bool ScriptRegistry::settle() {
  bool leaving = false;
  for (auto& [name, script] : scripts_) leaving = script->settle() || leaving;
  return leaving;
}

void ScriptRegistry::show() {
  std::vector<Shown> now;
  for (const auto& [path, file] : files_) {
    now.push_back({file.info, nullptr});
    const auto at = scripts_.find(file.info.name);
    if (at == scripts_.end()) continue;
    if (at->second->path() == path || file.info.state == ScriptState::kFailed)
      now.back().generations = at->second->generations();
  }
  std::stable_sort(now.begin(), now.end(), [this](const Shown& a, const Shown& b) {
    return rank(a.info.path) < rank(b.info.path);
  });
  auto missing = find_missing();
  {
    const MutexLock lock(mutex_);
    shown_ = std::move(now);
    missing_ = std::move(missing);
  }
  for (const auto& tell : std::exchange(*news_, {})) tell();
}

std::vector<std::string> ScriptRegistry::missing() const {
  const MutexLock lock(mutex_);
  return missing_;
}

std::vector<ScriptInfo> ScriptRegistry::list() const {
  std::vector<Shown> now;
  {
    const MutexLock lock(mutex_);
    now = shown_;
  }
  std::vector<ScriptInfo> out;
  for (Shown& script : now) {
    ScriptInfo& info = out.emplace_back(std::move(script.info));
    if (!script.generations) continue;
    info.generations = script.generations->infos();
    if (info.state != ScriptState::kActive || !is_refuted(info.generations.front().state)) continue;
    info.state = ScriptState::kRolledBack;
    info.reason = info.generations.front().reason;
  }
  return out;
}

}  // namespace skep::plugin
