#include "core/worker/settings.hpp"

namespace skep::worker {

Settings settings_of(const config::Config::Worker& w) {
  Settings s;
  s.capabilities = w.capabilities;
  s.concurrency = w.concurrency;
  s.batch_size = w.batch_size;
  s.poll_interval = Millis{seconds_to_ms(w.poll_interval_seconds)};
  s.heartbeat_interval = Millis{seconds_to_ms(w.heartbeat_interval_seconds)};
  s.drain = Millis{seconds_to_ms(w.drain_seconds)};
  s.result_reserve_bytes = static_cast<std::uint64_t>(w.result_reserve_mb * 1024 * 1024);
  s.artifacts = {static_cast<std::uint64_t>(w.task_artifacts_mb * 1024 * 1024),
                 static_cast<std::uint64_t>(w.artifacts_mb * 1024 * 1024)};
  return s;
}

}  // namespace skep::worker
