#include "core/app/worker_role.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include "core/app/app.hpp"
#include "core/app/node_files.hpp"
#include "core/app/open_error.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/base/version.hpp"
#include "core/net/curl_library.hpp"
#include "core/worker/release_folder.hpp"
#include "skep/kind/script_host.h"

namespace skep::app {
namespace {

std::string machine() {
  utsname name{};
  return ::uname(&name) == 0 ? name.machine : "";
}

Result<plugin::ScriptOptions> script_options(const config::Config& config,
                                             plugin::Admission admission) {
  plugin::ScriptOptions options;
  options.paths = release_paths(config, api::ReleaseKind::kScript);
  for (std::string& path : script_paths(config)) options.paths.push_back(std::move(path));
  options.admission = std::move(admission);
  if (config.trust.policy != "none") options.lock_file = config.trust.lock_file;
  options.shipped = shipped_scripts();
  options.staging_dir = config.node.state_dir + "/staging";
  options.state_dir = config.node.state_dir;
  auto policy = plugin::parse_script_policy(config.scripts.allow, config.scripts.tables);
  if (!policy) return policy.error();
  options.policy = std::move(*policy);
  return options;
}

worker::JoinToken join_token_of(const config::Config::Worker& worker) {
  const bool own = !worker.join_token_file.empty();
  const std::string& file = own ? worker.join_token_file : worker.token_file;
  if (file.empty()) return {};
  const auto read = [file, key = own ? "[worker] join_token_file" : "[worker] token_file"] {
    auto token = read_token(file);
    return token ? token : Result<std::string>(token.error().within(key));
  };
  return {read, file};
}

/// There is a script host that nobody turned off, or a script that is not one of ours.
bool expects_scripts(const plugin::Registry& registry,
                     const std::vector<plugin::ScriptInfo>& scripts) {
  const auto is_host = [](const plugin::ComponentInfo& c) {
    return c.kind == SKEP_KIND_SCRIPT_HOST;
  };
  const auto plugins = registry.list();
  return std::any_of(plugins.begin(), plugins.end(),
                     [&](const plugin::PluginInfo& p) {
                       return p.state != plugin::PluginState::kDisabled &&
                              std::any_of(p.components.begin(), p.components.end(), is_host);
                     }) ||
         std::any_of(scripts.begin(), scripts.end(), [](const plugin::ScriptInfo& script) {
           return !is_shipped_script(script.path);
         });
}

}  // namespace

Result<std::unique_ptr<WorkerRole>> WorkerRole::start(const config::Config& config,
                                                      plugin::Registry& registry,
                                                      plugin::Admission admission, Clock& clock,
                                                      std::string own_join_token,
                                                      std::function<void()> on_conflict) {
  std::unique_ptr<WorkerRole> role(new WorkerRole);
  // Neither waits for the plugins below: what loads the library of the first request, and the
  // child that runs scripts.
  const std::jthread http([] { static_cast<void>(net::load_curl()); });
  auto engine = std::async(std::launch::async, plugin::open_script_engine, std::ref(registry),
                           engine_options(config, admission));
  if (lost_spool(config))
    log::warn("spool_folder_gone",
              {{"dir", spool_folder(config)},
               {"effect",
                "it is made anew; results that an earlier run kept are gone or in another folder"},
               {"next",
                "bring the old folder or its disk back and start again, or set [spool] dir: "
                "without it the folder is ./offline of where the node is started"}});
  auto spool = registry.spool(config.spool.plugin, config.spool.table);
  if (!spool) return open_error("spool", config.spool.table, spool.error());
  role->spool_ = std::move(*spool);
  auto heartbeat = registry.heartbeat(config.heartbeat.plugin, config.heartbeat.table);
  if (!heartbeat) return open_error("heartbeat", config.heartbeat.table, heartbeat.error());
  role->heartbeat_ = std::move(*heartbeat);
  auto tasks = registry.tasks();
  if (!tasks) return tasks.error();
  role->tasks_ = std::move(*tasks);
  SKEP_TRY(role->start_scripts(config, engine.get(), std::move(admission)));

  const auto& w = config.worker;
  worker::WorkerOptions options;
  static_cast<worker::Settings&>(options) = worker::settings_of(w);
  auto id = node_id(config);
  if (!id) return id.error();
  options.id = std::move(*id);
  options.site = config.node.site;
  options.version = kVersion;
  options.incarnation = next_incarnation(config);
  options.control_planes = w.control_plane_url;
  options.join_token = join_token_of(w);
  if (options.join_token.read)
    if (const auto usable = options.join_token.read(); !usable) return usable.error();
  if (!own_join_token.empty())
    options.join_token = {[own = std::move(own_join_token)] { return Result<std::string>(own); }};
  options.credential_file = config.node.state_dir + "/worker-credential";
  options.arch = machine();
  options.state_dir = config.node.state_dir;
  options.releases_dir = releases_dir(config);
  options.releases_loaded = [&registry, scripts = role->scripts_.get(),
                             dir = options.releases_dir] {
    using enum api::ReleaseKind;
    auto states = plugin_states(registry.list(), worker::release_path(dir, kPlugin));
    if (scripts != nullptr)
      for (auto& state : script_states(scripts->list(), worker::release_path(dir, kScript)))
        states.push_back(std::move(state));
    return states;
  };
  if (!role->no_scripts_.empty() && expects_scripts(registry, role->scripts()))
    options.notices.push_back("scripts are not loaded: " + role->no_scripts_);
  options.on_conflict = std::move(on_conflict);
  role->worker_ = std::make_unique<worker::Worker>(std::move(options), *role->tasks_, *role->spool_,
                                                   *role->heartbeat_, clock);
  SKEP_TRY(role->worker_->start());
  return role;
}

Status WorkerRole::start_scripts(const config::Config& config, Engine engine,
                                 plugin::Admission admission) {
  auto options = script_options(config, std::move(admission));
  if (!options) return options.error();
  script_folders_ = options->paths;
  if (!engine) {
    Error e = engine.error();
    if (e.next.empty()) e.next = "skep plugin list";
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

std::vector<api::Health::Check> WorkerRole::checks() const {
  return {{"worker", join(worker_->troubles(), "; ")},
          {"worker notices", join(worker_->notices(), "; "), true}};
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
