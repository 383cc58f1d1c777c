#include "core/app/live_settings.hpp"

#include <algorithm>

namespace skep::app {
namespace {

std::int64_t to_ms(double seconds) { return static_cast<std::int64_t>(seconds * 1000); }

Millis to_millis(double seconds) { return Millis{to_ms(seconds)}; }

}  // namespace

control::ControlOptions control_options(const config::Config::Control& c) {
  control::ControlOptions o;
  o.lease_ms = to_ms(c.lease_seconds);
  o.max_attempts = c.max_attempts;
  o.workers = {to_ms(c.offline_after_seconds), to_ms(c.stale_after_seconds)};
  o.reaper.interval_ms = to_ms(c.reaper_interval_seconds);
  o.reaper.lost_after_ms = to_ms(c.lost_after_seconds);
  o.reaper.grace_ms = to_ms(c.restart_grace_seconds);
  // However short: only 0 means for ever.
  if (c.retention_days > 0) o.keep_ms = std::max<std::int64_t>(1, to_ms(c.retention_days * 86'400));
  o.reaper.retry = {to_ms(c.retry_base_seconds), to_ms(c.retry_cap_seconds), c.max_crashes};
  return o;
}

worker::Settings worker_settings(const config::Config::Worker& w) {
  worker::Settings s;
  s.capabilities = w.capabilities;
  s.concurrency = w.concurrency;
  s.batch_size = w.batch_size;
  s.poll_interval = to_millis(w.poll_interval_seconds);
  s.heartbeat_interval = to_millis(w.heartbeat_interval_seconds);
  s.drain = to_millis(w.drain_seconds);
  s.result_reserve_bytes = static_cast<std::uint64_t>(w.result_reserve_mb * 1024 * 1024);
  return s;
}

plugin::DrainLimits drain_limits(const config::Config::Plugins& p) {
  plugin::DrainLimits limits;
  limits.soft = to_millis(p.drain_seconds);
  return limits;
}

}  // namespace skep::app
