#include <boost/json.hpp>

#include <array>
#include <map>

#include "core/base/json.hpp"
#include "core/base/version.hpp"
#include "core/control/control.hpp"
#include "core/control/routes/routes.hpp"

namespace skep::control {
namespace {

/// Counts of workers and tasks, as both health and metrics need them.
struct Overview {
  std::vector<ports::TaskCount> counts;
  std::vector<WorkerRecord> workers;
  WallMs now = 0;
};

Result<Overview> overview(Control& c) {
  auto counts = c.queue.stats();
  if (!counts) return counts.error();
  return Overview{std::move(*counts), c.workers.all(), c.clock.wall_ms()};
}

std::int64_t count_of(const Overview& o, std::string_view status) {
  std::int64_t n = 0;
  for (const auto& row : o.counts)
    if (model::public_status(row.state) == status) n += row.count;
  return n;
}

double oldest_queued_seconds(const Overview& o) {
  WallMs oldest = o.now;
  for (const auto& row : o.counts)
    if (row.state == model::TaskState::kQueued) oldest = std::min(oldest, row.oldest_created_ms);
  return static_cast<double>(o.now - oldest) / 1000;
}

constexpr std::array<std::string_view, 7> kStatuses{"queued", "claimed",   "executing", "succeeded",
                                                    "failed", "cancelled", "dead"};

void encode_queue(JsonOut& out, const Overview& o) {
  out.key("queue").object().key("depth").integer(count_of(o, "queued"));
  for (const auto status : kStatuses) out.key(status).integer(count_of(o, status));
  out.key("oldest_queued_seconds").number(oldest_queued_seconds(o)).end_object();
}

void check(JsonOut& out, bool& good, std::string_view name, const Status& status) {
  good = good && static_cast<bool>(status);
  out.key(name).str(status ? std::string("ok") : status.error().message);
}

}  // namespace

HttpResponse health(Control& c, const HttpRequest&) {
  JsonOut out;
  bool good = true;
  out.object().key("version").str(kVersion).key("checks").object();
  ports::TaskQuery probe;
  probe.limit = 1;
  const auto read = c.queue.read(probe);
  check(out, good, "queue", read ? Status{} : Status{read.error()});
  const auto row = c.store.query({"SELECT sequence FROM cursors"});
  check(out, good, "database", row ? Status{} : Status{row.error()});
  check(out, good, "background", c.reaper.health());
  out.end_object().key("status").str(good ? "ok" : "unavailable").end_object();
  return HttpResponse::json(out.take(), good ? 200 : 503);
}

HttpResponse livez(Control&, const HttpRequest&) {
  return HttpResponse::json(R"({"status":"ok"})");
}

HttpResponse metrics(Control& c, const HttpRequest&) {
  const auto o = overview(c);
  if (!o) return HttpResponse::problem(o.error());
  return HttpResponse::metrics(c.metrics.render(o->now, o->counts, o->workers, c.workers,
                                                c.waits.claims.size(),
                                                c.artifacts.snapshot()->releases));
}

HttpResponse workers_health(Control& c, const HttpRequest&) {
  const auto o = overview(c);
  if (!o) return HttpResponse::problem(o.error());
  std::map<std::string, std::int64_t, std::less<>> states{
      {"online", 0}, {"late", 0}, {"offline", 0}, {"stale", 0}};
  for (const auto& w : o->workers) ++states[std::string(to_string(c.workers.presence(w, o->now)))];
  const bool all_well = states["offline"] + states["stale"] == 0;
  JsonOut out;
  out.object().key("status").str(all_well ? "ok" : "degraded").key("workers").object();
  for (const auto& [state, n] : states) out.key(state).integer(n);
  out.key("total").integer(static_cast<std::int64_t>(o->workers.size())).end_object();
  encode_queue(out, *o);
  out.key("items").array();
  for (const auto& w : o->workers) {
    out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
    out.key("status").str(to_string(c.workers.presence(w, o->now)));
    out.key("last_seen").time_or_null(w.last_seen_ms);
    out.key("is_stale").boolean(c.workers.presence(w, o->now) == Presence::kStale);
    out.key("busy").integer(w.beat.busy).key("pool_size").integer(w.beat.pool_size);
    out.key("offline_backlog").integer(w.beat.spool_ready).end_object();
  }
  return HttpResponse::json(out.end_array().end_object().take());
}

HttpResponse workers_metrics(Control& c, const HttpRequest&) {
  const auto o = overview(c);
  if (!o) return HttpResponse::problem(o.error());
  const auto totals = Reconciler::totals(c.store);
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

HttpResponse task_types(Control& c, const HttpRequest&) {
  JsonOut out;
  out.object().key("items").array();
  for (const auto& t : c.catalog.types()) {
    out.object().key("name").str(t.name).key("version").str(t.version);
    out.key("description").str(t.description).key("params_schema").raw(t.params_schema);
    out.end_object();
  }
  return HttpResponse::json(out.end_array().end_object().take());
}

}  // namespace skep::control
