#include "core/control/events/events.hpp"

#include <algorithm>
#include <utility>

namespace skep::control {
namespace {

using Mono = std::chrono::steady_clock;

constexpr Millis kLook{1'000};  ///< other control planes cannot poke
constexpr Millis kForget{60'000};
constexpr Millis kBreath{50};  ///< between two batches of what is forgotten

}  // namespace

EventRetention::Limits event_limits(const config::Config& config) {
  EventRetention::Limits limits;
  limits.most = config.events.max_events;
  // However short: only 0 means for ever.
  if (const double days = config.tasks.retention_days; days > 0)
    limits.keep_ms = std::max<std::int64_t>(1, seconds_to_ms(days * 86'400));
  return limits;
}

Events::Events(Platform& platform, const config::Config& config)
    : feed(std::make_shared<EventFeed>(platform.store, config.events.events)),
      log(feed),
      retention(platform.store, platform.settled, event_limits(config)),
      pump_(*feed, retention) {}

Events::~Events() {
  pump_.stop();
  feed->close();
}

std::vector<Migrations> Events::migrations() const { return {{"events", EventLog::migrations()}}; }

void Events::apply(const config::Config& config) {
  feed->set_kept(config.events.events);
  retention.set_limits(event_limits(config));
}

/// Returns when to do so again.
Millis EventPump::forget() {
  const auto removed = retention_.step();
  if (!removed) {
    log::warn("event_retention_failed", {{"error", removed.error().message}});
    return kForget;
  }
  if (forgotten_ += *removed; *removed == 0 && forgotten_ > 0)
    log::info("events_forgotten", {{"rows", std::exchange(forgotten_, 0)}});
  return *removed > 0 ? kBreath : kForget;
}

void EventPump::run(std::stop_token stop) {
  auto forget_at = Mono::now() + kLook;
  bool good = true;
  while (!stop.stop_requested()) {
    const Status done = feed_.look();
    if (!done && good) log::warn("events_not_read", {{"error", done.error().message}});
    good = static_cast<bool>(done);
    if (Mono::now() >= forget_at) forget_at = Mono::now() + forget();
    const auto left = std::chrono::duration_cast<Millis>(forget_at - Mono::now());
    feed_.wait(std::clamp(left, Millis{1}, kLook), stop);
  }
}

}  // namespace skep::control
