#include "core/control/workers/workers.hpp"

#include <map>

#include "core/api/metric_snapshot.hpp"

namespace skep::control {
namespace {

using api::Snapshot;

Snapshot::Labels labels_of(const WorkerRecord& w) {
  return {{"worker", w.profile.id}, {"site", w.profile.site}};
}

}  // namespace

WorkerDirectory::Limits worker_limits(const config::Config& c) {
  return {seconds_to_ms(c.presence.offline_after_seconds),
          seconds_to_ms(c.presence.stale_after_seconds)};
}

std::int64_t worker_keep_ms(const config::Config& c) {
  return seconds_to_ms(c.presence.forget_workers_days * 86'400);
}

Workers::Workers(Platform& p, const config::Config& config, const EventLog& events)
    : platform(p),
      directory(p.store, worker_limits(config)),
      credentials(p.store, [this](const std::string& worker_id) { directory.vouch(worker_id); }),
      service(p, directory, credentials, events),
      retention(p, directory, service, worker_keep_ms(config)) {}

std::vector<Migrations> Workers::migrations() const {
  return {{"workers", WorkerDirectory::migrations()},
          {"worker_credentials", WorkerCredentials::migrations()}};
}

Status Workers::load() {
  SKEP_TRY(directory.load());
  const auto believed = platform.settled.peek();
  if (!believed) return believed.error();
  directory.go_on_from(*believed, platform.clock.wall_ms());
  return credentials.load();
}

void Workers::apply(const config::Config& config) {
  directory.set_limits(worker_limits(config));
  retention.set_keep(worker_keep_ms(config));
}

Status Workers::metrics(std::vector<prometheus::MetricFamily>& out) {
  Snapshot pool("nova_worker_pool_size", "Slots of a worker's pool.");
  Snapshot busy("skep_worker_slots_busy", "Slots that run a task now.");
  Snapshot errors("nova_worker_errors_total", "Errors a worker counted since it started.",
                  prometheus::MetricType::Counter);
  Snapshot seen("skep_worker_last_heartbeat_timestamp_seconds",
                "When the last heartbeat came, unix time.");
  Snapshot spool("skep_spool_envelopes", "Envelopes that wait on a worker for delivery.");
  Snapshot spool_bytes("skep_spool_bytes", "Bytes of envelopes that wait on a worker.");
  Snapshot quarantined("skep_spool_quarantined", "Damaged envelopes a worker has set aside.");
  Snapshot troubles("skep_worker_troubles",
                    "What is wrong at a worker now: it takes no tasks, or none of a type.");
  Snapshot skew("skep_worker_clock_skew_seconds", "Worker's clock minus the control plane's.");
  Snapshot states("skep_workers", "Workers by site and presence.");
  const WallMs now = platform.clock.wall_ms();
  std::map<std::pair<std::string, std::string>, int> by_state;
  for (const auto& w : directory.all()) {
    const auto& b = w.beat;
    const Presence presence = directory.presence(w, now);
    ++by_state[{w.profile.site, std::string(to_string(presence))}];
    if (presence == Presence::kStopped) continue;  // what it said last is over
    pool.add(b.pool_size, labels_of(w));
    busy.add(b.busy, labels_of(w));
    errors.add(static_cast<double>(b.errors_total), labels_of(w));
    seen.add(static_cast<double>(w.last_seen_ms) / 1000, labels_of(w));
    spool.add(static_cast<double>(b.spool_ready), labels_of(w));
    spool_bytes.add(static_cast<double>(b.spool_bytes), labels_of(w));
    quarantined.add(static_cast<double>(b.spool_quarantined), labels_of(w));
    troubles.add(static_cast<double>(b.troubles.size() + b.notices.size()), labels_of(w));
    skew.add(static_cast<double>(w.skew_ms) / 1000, labels_of(w));
  }
  for (const auto& [key, count] : by_state)
    states.add(count, {{"site", key.first}, {"state", key.second}});
  for (Snapshot* s : {&pool, &busy, &errors, &seen, &spool, &spool_bytes, &quarantined, &troubles,
                      &skew, &states})
    out.push_back(s->take());
  return {};
}

}  // namespace skep::control
