// The feature "events": what happened to tasks, workers and releases, kept in the store. Other
// features write through `log`; GET /api/events reads through `feed`.
#pragma once

#include "core/control/events/event_feed.hpp"
#include "core/control/events/event_log.hpp"
#include "core/control/events/event_retention.hpp"
#include "core/control/feature.hpp"

namespace skep::control {

/// What [control] says of events.
EventRetention::Limits event_limits(const config::Config& config);

/// Looks for what other control planes wrote, and forgets what is old.
class EventPump final : public Service {
 public:
  EventPump(EventFeed& feed, EventRetention& retention)
      : Service("events"), feed_(feed), retention_(retention) {}
  ~EventPump() override { stop(); }

 protected:
  void run(std::stop_token stop) override;

 private:
  Millis forget();
  EventFeed& feed_;
  EventRetention& retention_;
  std::size_t forgotten_ = 0;
};

class Events final : public Feature {
 public:
  Events(Platform& platform, const config::Config& config);
  ~Events() override;

  std::vector<Migrations> migrations() const override;
  std::vector<Service*> services() override { return {&pump_}; }
  void applied() override { log.committed(); }
  void apply(const config::Config& config) override;

  const std::shared_ptr<EventFeed> feed;
  EventLog log;
  EventRetention retention;

 private:
  EventPump pump_;
};

}  // namespace skep::control
