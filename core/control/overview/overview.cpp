#include "core/control/overview/overview.hpp"

#include <algorithm>

#include "core/api/overview_json.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

/// Counts of workers and tasks, as both health and metrics need them.
struct Situation {
  QueueCounts::Counted tasks;
  std::vector<WorkerRecord> workers;
  WallMs now = 0;
};

Result<Situation> situation(Overview& f) {
  auto tasks = f.platform.counts.now();
  if (!tasks) return tasks.error();
  return Situation{std::move(*tasks), f.workers.directory.all(), f.platform.clock.wall_ms()};
}

double oldest_queued_seconds(const Situation& o) {
  const WallMs then = o.now - o.tasks.age.count();
  WallMs oldest = then;
  for (const auto& row : *o.tasks.rows)
    if (row.state == model::TaskState::kQueued) oldest = std::min(oldest, row.oldest_created_ms);
  return static_cast<double>(then - oldest) / 1000;
}

api::QueueFigures queue_figures(const Situation& o) {
  api::QueueFigures figures;
  for (const auto& row : *o.tasks.rows)
    figures.tasks[std::string(model::public_status(row.state))] += row.count;
  figures.oldest_queued_seconds = oldest_queued_seconds(o);
  return figures;
}

std::vector<api::WorkerView> views(const Overview& f, const Situation& o) {
  std::vector<api::WorkerView> out;
  for (const auto& w : o.workers) out.push_back(f.workers.service.view(w, o.now));
  return out;
}

HttpResponse workers_health(Overview& f) {
  const auto o = situation(f);
  if (!o) return HttpResponse::problem(o.error());
  return HttpResponse::json(api::encode(
      api::WorkersHealth{queue_figures(*o), views(f, *o), api::troubles_of(f.platform.checks())}));
}

HttpResponse workers_metrics(Overview& f) {
  const auto o = situation(f);
  if (!o) return HttpResponse::problem(o.error());
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
  m.queue = queue_figures(*o);
  m.totals = std::move(*totals);
  m.workers = views(f, *o);
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
