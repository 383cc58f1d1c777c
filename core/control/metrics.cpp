#include "core/control/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>

#include "core/api/metric_snapshot.hpp"
#include "core/base/version.hpp"

namespace skep::control {
namespace {

using api::Snapshot;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = Snapshot::Labels;

Labels of_worker(const WorkerRecord& w) {
  return {{"worker", w.profile.id}, {"site", w.profile.site}};
}

void add_workers(std::vector<MetricFamily>& out, WallMs now,
                 const std::vector<WorkerRecord>& workers, const WorkerDirectory& directory) {
  Snapshot pool("nova_worker_pool_size", "Slots of a worker's pool.");
  Snapshot busy("skep_worker_slots_busy", "Slots that run a task now.");
  Snapshot errors("nova_worker_errors_total", "Errors a worker counted since it started.",
                  MetricType::Counter);
  Snapshot seen("skep_worker_last_heartbeat_timestamp_seconds",
                "When the last heartbeat came, unix time.");
  Snapshot spool("skep_spool_envelopes", "Envelopes that wait on a worker for delivery.");
  Snapshot spool_bytes("skep_spool_bytes", "Bytes of envelopes that wait on a worker.");
  Snapshot quarantined("skep_spool_quarantined", "Damaged envelopes a worker has set aside.");
  Snapshot skew("skep_worker_clock_skew_seconds", "Worker's clock minus the control plane's.");
  Snapshot states("skep_workers", "Workers by site and presence.");
  std::map<std::pair<std::string, std::string>, int> by_state;
  for (const auto& w : workers) {
    const auto& b = w.beat;
    pool.add(b.pool_size, of_worker(w));
    busy.add(b.busy, of_worker(w));
    errors.add(static_cast<double>(b.errors_total), of_worker(w));
    seen.add(static_cast<double>(w.last_seen_ms) / 1000, of_worker(w));
    spool.add(static_cast<double>(b.spool_ready), of_worker(w));
    spool_bytes.add(static_cast<double>(b.spool_bytes), of_worker(w));
    quarantined.add(static_cast<double>(b.spool_quarantined), of_worker(w));
    skew.add(static_cast<double>(w.skew_ms) / 1000, of_worker(w));
    ++by_state[{w.profile.site, std::string(to_string(directory.presence(w, now)))}];
  }
  for (const auto& [key, count] : by_state)
    states.add(count, {{"site", key.first}, {"state", key.second}});
  for (Snapshot* s :
       {&pool, &busy, &errors, &seen, &spool, &spool_bytes, &quarantined, &skew, &states})
    out.push_back(s->take());
}

void add_queue(std::vector<MetricFamily>& out, WallMs now,
               const std::vector<ports::TaskCount>& counts) {
  Snapshot queued("nova_runs_queued", "Tasks that wait to be claimed.");
  Snapshot tasks("skep_tasks", "Tasks by state, site and type.");
  Snapshot oldest("skep_task_oldest_queued_age_seconds", "Age of the oldest queued task.");
  double waiting = 0;
  WallMs first = now;
  for (const auto& c : counts) {
    tasks.add(static_cast<double>(c.count),
              {{"state", std::string(to_string(c.state))}, {"site", c.site}, {"type", c.type}});
    if (model::public_status(c.state) != "queued") continue;
    waiting += static_cast<double>(c.count);
    if (c.state == model::TaskState::kQueued) first = std::min(first, c.oldest_created_ms);
  }
  queued.add(waiting);
  oldest.add(static_cast<double>(now - first) / 1000);
  for (Snapshot* s : {&queued, &tasks, &oldest}) out.push_back(s->take());
}

void add_artifacts(std::vector<MetricFamily>& out, const std::vector<Release>& releases,
                   const std::vector<WorkerRecord>& workers) {
  Snapshot count("skep_artifact_releases", "Releases in the registry by kind and state.");
  Snapshot tasks("skep_artifact_canary_tasks", "Tasks that ended on canaries under way.");
  Snapshot places("skep_artifact_workers", "Workers by artifact and what they say of it.");
  std::map<std::pair<std::string, std::string>, int> by_state;
  std::map<std::pair<std::string, std::string>, int> by_place;
  for (const Release& r : releases) {
    ++by_state[{std::string(api::to_string(r.kind)), std::string(to_string(r.state))}];
    if (r.state != ReleaseState::kCanary) continue;
    const Labels release{{"artifact", r.name}, {"version", r.version}, {"arch", r.arch}};
    for (const auto& [outcome, n] :
         {std::pair{"succeeded", r.canary.ok}, {"failed", r.canary.failed}}) {
      Labels labels = release;
      labels.push_back({"outcome", outcome});
      tasks.add(static_cast<double>(n), std::move(labels));
    }
  }
  for (const auto& w : workers)
    for (const auto& a : w.beat.artifacts.items) ++by_place[{a.name, a.state}];
  for (const auto& [key, n] : by_state) count.add(n, {{"kind", key.first}, {"state", key.second}});
  for (const auto& [key, n] : by_place)
    places.add(n, {{"artifact", key.first}, {"state", key.second}});
  for (Snapshot* s : {&count, &tasks, &places}) out.push_back(s->take());
}

const prometheus::Histogram::BucketBoundaries kRunSeconds{0.005, 0.01, 0.05, 0.1, 0.5, 1,   5,
                                                          10,    30,   60,   120, 300, 600, 3600};
const prometheus::Histogram::BucketBoundaries kHttpSeconds{0.0005, 0.001, 0.005, 0.01, 0.05,
                                                           0.1,    0.5,   1,     5,    30};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& http =
      prometheus::BuildCounter()
          .Name("skep_http_requests_total")
          .Help("HTTP requests by method, route and status.")
          .Register(registry);
  prometheus::Histogram& http_seconds =
      prometheus::BuildHistogram()
          .Name("skep_http_request_duration_seconds")
          .Help("Time from a request's header to its answer, long polls included.")
          .Register(registry)
          .Add({}, kHttpSeconds);
  prometheus::Family<prometheus::Counter>& submitted = prometheus::BuildCounter()
                                                           .Name("skep_tasks_submitted_total")
                                                           .Help("Tasks accepted, by type.")
                                                           .Register(registry);
  prometheus::Family<prometheus::Counter>& results =
      prometheus::BuildCounter()
          .Name("skep_results_total")
          .Help("Results that workers sent, by verdict and outcome.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& artifacts =
      prometheus::BuildCounter()
          .Name("skep_artifact_events_total")
          .Help("What happened to artifacts of the registry.")
          .Register(registry);
  prometheus::Histogram& run_seconds = prometheus::BuildHistogram()
                                           .Name("nova_run_duration_seconds")
                                           .Help("How long tasks ran.")
                                           .Register(registry)
                                           .Add({}, kRunSeconds);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::http_request(std::string_view method, std::string_view route, int status,
                           Millis took) {
  impl_->http
      .Add({{"method", std::string(method)},
            {"route", std::string(route)},
            {"code", std::to_string(status)}})
      .Increment();
  impl_->http_seconds.Observe(static_cast<double>(took.count()) / 1000);
}

void Metrics::tasks_submitted(std::string_view type, std::size_t count) {
  impl_->submitted.Add({{"type", std::string(type)}}).Increment(static_cast<double>(count));
}

void Metrics::result(std::string_view verdict, std::string_view outcome, std::int64_t duration_ms) {
  impl_->results.Add({{"verdict", std::string(verdict)}, {"outcome", std::string(outcome)}})
      .Increment();
  if (verdict.starts_with("applied"))
    impl_->run_seconds.Observe(static_cast<double>(duration_ms) / 1000);
}

void Metrics::artifact_event(std::string_view what) {
  impl_->artifacts.Add({{"event", std::string(what)}}).Increment();
}

std::string Metrics::render(WallMs now, const std::vector<ports::TaskCount>& counts,
                            const std::vector<WorkerRecord>& workers,
                            const WorkerDirectory& directory, std::size_t waiting_claims,
                            const std::vector<Release>& releases) const {
  auto families = impl_->registry.Collect();
  Snapshot build("skep_build_info", "The version of this binary.");
  build.add(1, {{"version", kVersion}});
  Snapshot claims("skep_claims_waiting", "Long-polling claims.");
  claims.add(static_cast<double>(waiting_claims));
  families.push_back(build.take());
  families.push_back(claims.take());
  families.push_back(api::plugin_gauges());
  add_queue(families, now, counts);
  add_workers(families, now, workers, directory);
  add_artifacts(families, releases, workers);
  return api::render(std::move(families));
}

}  // namespace skep::control
