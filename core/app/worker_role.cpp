#include "core/app/worker_role.hpp"

#include <sys/utsname.h>

#include "core/app/slots.hpp"
#include "core/base/id.hpp"
#include "core/base/version.hpp"
#include "core/worker/artifact_folder.hpp"

namespace skep::app {
namespace {

std::string machine() {
  utsname name{};
  return ::uname(&name) == 0 ? name.machine : "";
}

Millis to_ms(double seconds) { return Millis{static_cast<std::int64_t>(seconds * 1000)}; }

}  // namespace

Result<std::unique_ptr<WorkerRole>> WorkerRole::start(const config::Config& config,
                                                      plugin::Registry& registry, Clock& clock,
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

  const auto& w = config.worker;
  worker::WorkerOptions options;
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
  options.capabilities = w.capabilities;
  options.concurrency = w.concurrency;
  options.batch_size = w.batch_size;
  options.poll_interval = to_ms(w.poll_interval_seconds);
  options.heartbeat_interval = to_ms(w.heartbeat_interval_seconds);
  options.drain = to_ms(w.drain_seconds);
  options.result_reserve_bytes = static_cast<std::uint64_t>(w.result_reserve_mb * 1024 * 1024);
  options.arch = machine();
  options.artifacts_dir = artifacts_dir(config);
  options.artifacts_loaded = [&registry, folder = worker::artifact_path(
                                             options.artifacts_dir, api::ArtifactKind::kPlugin)] {
    return plugin_states(registry.list(), folder);
  };
  options.on_conflict = std::move(on_conflict);
  role->worker_ = std::make_unique<worker::Worker>(std::move(options), *role->tasks_, *role->spool_,
                                                   *role->heartbeat_, clock);
  SKEP_TRY(role->worker_->start());
  return role;
}

}  // namespace skep::app
