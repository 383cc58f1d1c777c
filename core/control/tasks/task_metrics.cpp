#include "core/control/tasks/task_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>

#include "core/api/metric_snapshot.hpp"

namespace skep::control {
namespace {

using api::Snapshot;

const prometheus::Histogram::BucketBoundaries kRunSeconds{0.005, 0.01, 0.05, 0.1, 0.5, 1,   5,
                                                          10,    30,   60,   120, 300, 600, 3600};

}  // namespace

struct TaskMetrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& submitted = prometheus::BuildCounter()
                                                           .Name("skep_tasks_submitted_total")
                                                           .Help("Tasks accepted, by type.")
                                                           .Register(registry);
  prometheus::Family<prometheus::Counter>& results =
      prometheus::BuildCounter()
          .Name("skep_results_total")
          .Help("Results that workers sent, by verdict and outcome.")
          .Register(registry);
  prometheus::Histogram& run_seconds = prometheus::BuildHistogram()
                                           .Name("nova_run_duration_seconds")
                                           .Help("How long tasks ran.")
                                           .Register(registry)
                                           .Add({}, kRunSeconds);
};

TaskMetrics::TaskMetrics() : families_(std::make_unique<Families>()) {}
TaskMetrics::~TaskMetrics() = default;

void TaskMetrics::submitted(std::string_view type, std::size_t count) {
  families_->submitted.Add({{"type", std::string(type)}}).Increment(static_cast<double>(count));
}

void TaskMetrics::result(std::string_view verdict, std::string_view outcome,
                         std::int64_t duration_ms) {
  families_->results.Add({{"verdict", std::string(verdict)}, {"outcome", std::string(outcome)}})
      .Increment();
  if (verdict.starts_with("applied"))
    families_->run_seconds.Observe(static_cast<double>(duration_ms) / 1000);
}

void TaskMetrics::collect(std::size_t waiting_claims,
                          std::vector<prometheus::MetricFamily>& out) const {
  for (auto& family : families_->registry.Collect()) out.push_back(std::move(family));
  Snapshot claims("skep_claims_waiting", "Long-polling claims.");
  claims.add(static_cast<double>(waiting_claims));
  out.push_back(claims.take());
}

void TaskMetrics::collect_queue(WallMs now, const QueueCounts::Counted& held,
                                std::vector<prometheus::MetricFamily>& out) {
  Snapshot queued("nova_runs_queued", "Tasks that wait to be claimed.");
  Snapshot tasks("skep_tasks", "Tasks by state, site and type.");
  Snapshot oldest("skep_task_oldest_queued_age_seconds", "Age of the oldest queued task.");
  Snapshot age("skep_tasks_counted_age_seconds", "How long ago tasks were counted.");
  double waiting = 0;
  const WallMs then = now - held.age.count();
  WallMs first = then;
  for (const auto& c : *held.rows) {
    tasks.add(static_cast<double>(c.count),
              {{"state", std::string(to_string(c.state))}, {"site", c.site}, {"type", c.type}});
    if (model::public_status(c.state) != "queued") continue;
    waiting += static_cast<double>(c.count);
    if (c.state == model::TaskState::kQueued) first = std::min(first, c.oldest_created_ms);
  }
  queued.add(waiting);
  oldest.add(static_cast<double>(then - first) / 1000);
  age.add(static_cast<double>(held.age.count()) / 1000);
  for (Snapshot* s : {&queued, &tasks, &oldest, &age}) out.push_back(s->take());
}

}  // namespace skep::control
