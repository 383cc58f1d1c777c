#include "core/control/overview/overview.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "core/base/json.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

/// Counts of workers and tasks, as both health and metrics need them.
struct Situation {
  std::vector<ports::TaskCount> counts;
  std::vector<WorkerRecord> workers;
  WallMs now = 0;
};

Result<Situation> situation(Overview& f) {
  auto counts = f.platform.queue.stats();
  if (!counts) return counts.error();
  return Situation{std::move(*counts), f.workers.directory.all(), f.platform.clock.wall_ms()};
}

std::int64_t count_of(const Situation& o, std::string_view status) {
  std::int64_t n = 0;
  for (const auto& row : o.counts)
    if (model::public_status(row.state) == status) n += row.count;
  return n;
}

double oldest_queued_seconds(const Situation& o) {
  WallMs oldest = o.now;
  for (const auto& row : o.counts)
    if (row.state == model::TaskState::kQueued) oldest = std::min(oldest, row.oldest_created_ms);
  return static_cast<double>(o.now - oldest) / 1000;
}

constexpr std::array<std::string_view, 7> kStatuses{"queued", "claimed",   "executing", "succeeded",
                                                    "failed", "cancelled", "dead"};

void encode_queue(JsonOut& out, const Situation& o) {
  out.key("queue").object().key("depth").integer(count_of(o, "queued"));
  for (const auto status : kStatuses) out.key(status).integer(count_of(o, status));
  out.key("oldest_queued_seconds").number(oldest_queued_seconds(o)).end_object();
}

HttpResponse workers_health(Overview& f) {
  const auto o = situation(f);
  if (!o) return HttpResponse::problem(o.error());
  std::map<std::string, std::int64_t, std::less<>> states{
      {"online", 0}, {"late", 0}, {"offline", 0}, {"stale", 0}};
  for (const auto& w : o->workers)
    ++states[std::string(to_string(f.workers.directory.presence(w, o->now)))];
  const bool all_well = states["offline"] + states["stale"] == 0;
  JsonOut out;
  out.object().key("status").str(all_well ? "ok" : "degraded").key("workers").object();
  for (const auto& [state, n] : states) out.key(state).integer(n);
  out.key("total").integer(static_cast<std::int64_t>(o->workers.size())).end_object();
  encode_queue(out, *o);
  out.key("items").array();
  for (const auto& w : o->workers) {
    out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
    out.key("status").str(to_string(f.workers.directory.presence(w, o->now)));
    out.key("last_seen").time_or_null(w.last_seen_ms);
    out.key("is_stale").boolean(f.workers.directory.presence(w, o->now) == Presence::kStale);
    out.key("busy").integer(w.beat.busy).key("pool_size").integer(w.beat.pool_size);
    out.key("offline_backlog").integer(w.beat.spool_ready).end_object();
  }
  return HttpResponse::json(out.end_array().end_object().take());
}

HttpResponse workers_metrics(Overview& f) {
  const auto o = situation(f);
  if (!o) return HttpResponse::problem(o.error());
  const auto totals = read_totals(f.platform.store);
  if (!totals) return HttpResponse::problem(totals.error());
  std::int64_t failures = 0;
  std::int64_t finished = 0;
  std::int64_t total_ms = 0;
  for (const auto& t : *totals) {
    if (t.outcome == "failed" || t.outcome == "dead") failures += t.count;
    if (t.outcome == "cancelled") continue;
    finished += t.count;
    total_ms += t.total_ms;
  }
  JsonOut out;
  out.object().key("queue_depth").integer(count_of(*o, "queued"));
  out.key("task_failure_count").integer(failures).key("task_finished_count").integer(finished);
  out.key("average_task_latency_ms");
  if (finished > 0)
    out.number(static_cast<double>(total_ms) / static_cast<double>(finished));
  else
    out.null();
  encode_queue(out, *o);
  out.key("totals").array();
  for (const auto& t : *totals) {
    out.object().key("type").str(t.type).key("outcome").str(t.outcome);
    out.key("count").integer(t.count).key("total_ms").integer(t.total_ms).end_object();
  }
  std::int64_t backlog = 0;
  out.end_array().key("workers").array();
  for (const auto& w : o->workers) {
    backlog += w.beat.spool_ready;
    out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
    out.key("heartbeat_age_seconds").number(static_cast<double>(o->now - w.last_seen_ms) / 1000);
    out.key("offline_backlog").integer(w.beat.spool_ready);
    out.key("offline_backlog_bytes").integer(w.beat.spool_bytes).end_object();
  }
  out.end_array().key("offline_backlog").integer(backlog).end_object();
  return HttpResponse::json(out.take());
}

}  // namespace

std::vector<net::Route> Overview::routes() {
  using enum net::Right;
  return {
      {"GET", "/api/workers/health", kOperate, 0, "Presence of workers, depth of the queue.",
       [this](const HttpRequest&) { return workers_health(*this); }},
      {"GET", "/api/workers/metrics", kOperate, 0, "Queue and worker figures as JSON.",
       [this](const HttpRequest&) { return workers_metrics(*this); }},
  };
}

}  // namespace skep::control
