#include "core/app/worker_role.hpp"

#include <sys/utsname.h>

#include <filesystem>

#include "core/app/app.hpp"
#include "core/app/slots.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/base/version.hpp"
#include "core/plugin/scripts/open_engine.hpp"
#include "core/worker/artifact_folder.hpp"

namespace skep::app {
namespace {

std::string machine() {
  utsname name{};
  return ::uname(&name) == 0 ? name.machine : "";
}

Result<plugin::ScriptOptions> script_options(const config::Config& config,
                                             plugin::Admission admission) {
  plugin::ScriptOptions options;
  options.paths = artifact_paths(config, api::ArtifactKind::kScript);
  for (std::string& path : script_paths(config)) options.paths.push_back(std::move(path));
  options.admission = std::move(admission);
  if (config.trust.policy != "none") options.lock_file = config.trust.lock_file;
  options.shipped = shipped_scripts();
  options.staging_dir = config.node.state_dir + "/staging";
  auto policy = plugin::parse_script_policy(config.scripts.allow, config.scripts.tables);
  if (!policy) return policy.error();
  options.policy = std::move(*policy);
  return options;
}

}  // namespace

Result<std::unique_ptr<WorkerRole>> WorkerRole::start(const config::Config& config,
                                                      plugin::Registry& registry,
                                                      plugin::Admission admission, Clock& clock,
                                                      std::function<void()> on_conflict) {
  std::unique_ptr<WorkerRole> role(new WorkerRole);
  auto spool = registry.spool(config.spool.plugin, config.spool.table);
  if (!spool) return spool.error().within("[spool]");
  role->spool_ = std::move(*spool);
  auto heartbeat = registry.heartbeat(config.heartbeat.plugin, config.heartbeat.table);
  if (!heartbeat) return heartbeat.error().within("[heartbeat]");
  role->heartbeat_ = std::move(*heartbeat);
  auto tasks = registry.tasks();
  if (!tasks) return tasks.error();
  role->tasks_ = std::move(*tasks);
  SKEP_TRY(role->start_scripts(config, registry, std::move(admission)));

  const auto& w = config.worker;
  worker::WorkerOptions options;
  static_cast<worker::Settings&>(options) = worker::settings_of(w);
  auto id = node_id(config);
  if (!id) return id.error();
  options.id = std::move(*id);
  options.site = config.node.site;
  options.version = kVersion;
  options.incarnation = new_id();
  options.control_planes = w.control_plane_url;
  auto token = read_token(w.token_file);
  if (!token) return token.error().within("[worker] token_file");
  options.token = std::move(*token);
  options.arch = machine();
  options.artifacts_dir = artifacts_dir(config);
  options.artifacts_loaded = [&registry, scripts = role->scripts_.get(),
                              dir = options.artifacts_dir] {
    using enum api::ArtifactKind;
    auto states = plugin_states(registry.list(), worker::artifact_path(dir, kPlugin));
    if (scripts != nullptr)
      for (auto& state : script_states(scripts->list(), worker::artifact_path(dir, kScript)))
        states.push_back(std::move(state));
    return states;
  };
  options.on_conflict = std::move(on_conflict);
  role->worker_ = std::make_unique<worker::Worker>(std::move(options), *role->tasks_, *role->spool_,
                                                   *role->heartbeat_, clock);
  SKEP_TRY(role->worker_->start());
  return role;
}

Status WorkerRole::start_scripts(const config::Config& config, plugin::Registry& registry,
                                 plugin::Admission admission) {
  auto options = script_options(config, admission);
  if (!options) return options.error();
  script_folders_ = options->paths;
  plugin::EngineOptions host;
  if (const auto settings = config.plugins.tables.find(host.component);
      settings != config.plugins.tables.end())
    host.table = settings->second;
  host.staging_dir = config.node.state_dir + "/staging";
  host.state_dir = config.node.state_dir;
  host.admission = std::move(admission);
  auto engine = plugin::open_script_engine(registry, host);
  if (!engine) {
    const Error& e = engine.error();
    log::warn("scripts_not_loaded", {{"reason", e.message}, {"next", e.next}});
    no_scripts_ = e.with_advice();
    return {};
  }
  if (config.scripts.paths.empty()) SKEP_TRY(make_state_dir(script_paths(config).front()));
  scripts_ =
      std::make_unique<plugin::ScriptRegistry>(std::move(*options), std::move(*engine), tasks_);
  scripts_->start();
  return {};
}

std::vector<plugin::ScriptInfo> WorkerRole::scripts() const {
  if (scripts_) return scripts_->list();
  std::vector<plugin::ScriptInfo> out;
  for (std::string& path : plugin::find_scripts(script_folders_, ".lua")) {
    plugin::ScriptInfo info;
    info.name = std::filesystem::path(path).stem().string();
    info.path = std::move(path);
    info.state = plugin::ScriptState::kFailed;
    info.reason = no_scripts_;
    out.push_back(std::move(info));
  }
  return out;
}

void WorkerRole::apply(const config::Config& config) {
  if (const Status taken = worker_->apply(worker::settings_of(config.worker)); !taken)
    log::error("worker_settings_refused", {{"error", taken.error().message}});
}

}  // namespace skep::app
