#include "core/control/overview/overview.hpp"

#include <algorithm>

#include "core/api/overview_json.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

double oldest_queued_seconds(const QueueCounts::Counted& tasks, WallMs now) {
  const WallMs then = now - tasks.age.count();
  WallMs oldest = then;
  for (const auto& row : *tasks.rows)
    if (row.state == model::TaskState::kQueued) oldest = std::min(oldest, row.oldest_created_ms);
  return static_cast<double>(then - oldest) / 1000;
}

api::QueueFigures queue_figures(const QueueCounts::Counted& tasks, WallMs now) {
  api::QueueFigures figures;
  for (const auto& row : *tasks.rows)
    figures.tasks[std::string(model::public_status(row.state))] += row.count;
  figures.oldest_queued_seconds = oldest_queued_seconds(tasks, now);
  return figures;
}

std::vector<api::WorkerView> views(const Overview& f, WallMs now) {
  std::vector<api::WorkerView> out;
  for (const auto& w : f.workers.directory.records())
    out.push_back(f.workers.service.view(*w, now));
  return out;
}

/// Also of a queue that cannot be counted: workers and troubles are worth more then.
HttpResponse workers_health(Overview& f) {
  api::WorkersHealth health;
  health.troubles = api::troubles_of(f.platform.checks());
  const auto tasks = f.platform.counts.now();
  const WallMs now = f.platform.clock.wall_ms();
  if (tasks)
    health.queue = queue_figures(*tasks, now);
  else
    health.troubles.push_back("tasks cannot be counted: " + tasks.error().message);
  health.workers = views(f, now);
  return HttpResponse::json(api::encode(health));
}

HttpResponse workers_metrics(Overview& f) {
  const auto tasks = f.platform.counts.now();
  if (!tasks) return HttpResponse::problem(tasks.error());
  const WallMs now = f.platform.clock.wall_ms();
  auto totals = read_totals(f.platform.store);
  if (!totals) return HttpResponse::problem(totals.error());
  api::WorkersMetrics m;
  std::int64_t total_ms = 0;
  for (const auto& t : *totals) {
    if (t.outcome == "failed" || t.outcome == "dead") m.failures += t.count;
    if (t.outcome == "cancelled") continue;
    m.finished += t.count;
    total_ms += t.total_ms;
  }
  if (m.finished > 0)
    m.average_ms = static_cast<double>(total_ms) / static_cast<double>(m.finished);
  m.queue = queue_figures(*tasks, now);
  m.totals = std::move(*totals);
  m.workers = views(f, now);
  return HttpResponse::json(api::encode(m));
}

}  // namespace

std::vector<net::Route> Overview::routes() {
  using enum net::Right;
  return {
      net::heavy({"GET",
                  "/api/workers/health",
                  kOperate,
                  0,
                  "Presence of workers, depth of the queue.",
                  [this](const HttpRequest&) { return workers_health(*this); },
                  {"", "WorkersHealth"}}),
      net::heavy({"GET",
                  "/api/workers/metrics",
                  kOperate,
                  0,
                  "Queue and worker figures as JSON.",
                  [this](const HttpRequest&) { return workers_metrics(*this); },
                  {"", "WorkersMetrics"}}),
  };
}

}  // namespace skep::control
