#include "core/app/worker_role.hpp"

#include "core/app/slots.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/base/version.hpp"

namespace skep::app {
namespace {

Millis to_ms(double seconds) { return Millis{static_cast<std::int64_t>(seconds * 1000)}; }

worker::Settings settings_of(const config::Config::Worker& w) {
  worker::Settings s;
  s.capabilities = w.capabilities;
  s.concurrency = w.concurrency;
  s.batch_size = w.batch_size;
  s.poll_interval = to_ms(w.poll_interval_seconds);
  s.heartbeat_interval = to_ms(w.heartbeat_interval_seconds);
  s.drain = to_ms(w.drain_seconds);
  s.result_reserve_bytes = static_cast<std::uint64_t>(w.result_reserve_mb * 1024 * 1024);
  return s;
}

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
  static_cast<worker::Settings&>(options) = settings_of(w);
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
  options.on_conflict = std::move(on_conflict);
  role->worker_ = std::make_unique<worker::Worker>(std::move(options), *role->tasks_, *role->spool_,
                                                   *role->heartbeat_, clock);
  SKEP_TRY(role->worker_->start());
  return role;
}

void WorkerRole::apply(const config::Config& config) {
  if (const Status taken = worker_->apply(settings_of(config.worker)); !taken)
    log::error("worker_settings_refused", {{"error", taken.error().message}});
}

}  // namespace skep::app
