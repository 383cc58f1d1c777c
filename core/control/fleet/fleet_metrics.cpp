#include "core/control/fleet/fleet_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <map>

#include "core/api/metric_snapshot.hpp"

namespace skep::control {
namespace {

using api::Snapshot;

void add_releases(std::vector<prometheus::MetricFamily>& out, const std::vector<Release>& releases,
                  const std::vector<WorkerRecord>& workers) {
  Snapshot count("skep_releases", "Releases in the registry by kind and state.");
  Snapshot tasks("skep_release_canary_tasks", "Tasks that ended on canaries under way.");
  Snapshot places("skep_release_workers", "Workers by release and what they say of it.");
  std::map<std::pair<std::string, std::string>, int> by_state;
  std::map<std::pair<std::string, std::string>, int> by_place;
  for (const Release& r : releases) {
    ++by_state[{std::string(api::to_string(r.kind)), std::string(to_string(r.state))}];
    if (r.state != ReleaseState::kCanary) continue;
    const Snapshot::Labels release{{"release", r.name}, {"version", r.version}, {"arch", r.arch}};
    for (const auto& [outcome, n] :
         {std::pair{"succeeded", r.canary.ok}, {"failed", r.canary.failed}}) {
      Snapshot::Labels labels = release;
      labels.push_back({"outcome", outcome});
      tasks.add(static_cast<double>(n), std::move(labels));
    }
  }
  for (const auto& w : workers)
    for (const auto& a : w.beat.releases.items) ++by_place[{a.name, a.state}];
  for (const auto& [key, n] : by_state) count.add(n, {{"kind", key.first}, {"state", key.second}});
  for (const auto& [key, n] : by_place)
    places.add(n, {{"release", key.first}, {"state", key.second}});
  for (Snapshot* s : {&count, &tasks, &places}) out.push_back(s->take());
}

}  // namespace

struct FleetMetrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& events =
      prometheus::BuildCounter()
          .Name("skep_release_events_total")
          .Help("What happened to releases of the registry.")
          .Register(registry);
};

FleetMetrics::FleetMetrics() : families_(std::make_unique<Families>()) {}
FleetMetrics::~FleetMetrics() = default;

void FleetMetrics::event(std::string_view what) {
  families_->events.Add({{"event", std::string(what)}}).Increment();
}

void FleetMetrics::collect(const std::vector<Release>& releases,
                           const std::vector<WorkerRecord>& workers,
                           std::vector<prometheus::MetricFamily>& out) const {
  for (auto& family : families_->registry.Collect()) out.push_back(std::move(family));
  add_releases(out, releases, workers);
}

}  // namespace skep::control
