#include "core/api/overview_json.hpp"

#include <algorithm>
#include <array>

namespace skep::api {
namespace {

constexpr std::array<std::string_view, 7> kStatuses{"queued", "claimed",   "executing", "succeeded",
                                                    "failed", "cancelled", "dead"};
/// Those that an operator asked for.
constexpr std::array kModes{WorkerMode::kPaused, WorkerMode::kDraining};
constexpr std::array kPresences{Presence::kLate, Presence::kOffline, Presence::kOnline,
                                Presence::kStale, Presence::kStopped};

void write(JsonOut& out, const QueueFigures& q) {
  out.key("queue").object().key("depth").integer(q.of("queued"));
  for (const auto status : kStatuses) out.key(status).integer(q.of(status));
  out.key("oldest_queued_seconds").number(q.oldest_queued_seconds).end_object();
}

void write(JsonOut& out, const std::vector<std::string>& troubles) {
  out.key("troubles").array();
  for (const std::string& trouble : troubles) out.str(trouble);
  out.end_array();
}

void write_health(JsonOut& out, const WorkerView& w) {
  out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
  out.key("status").str(to_string(w.presence)).key("mode").str(to_string(w.mode));
  out.key("last_seen").time_or_null(w.last_seen_ms);
  out.key("is_stale").boolean(w.presence == Presence::kStale);
  out.key("is_awaited").boolean(w.is_awaited);
  out.key("busy").integer(w.beat.busy).key("pool_size").integer(w.beat.pool_size);
  out.key("offline_backlog").integer(w.beat.spool_ready);
  write(out, w.troubles);
  out.end_object();
}

void write_metrics(JsonOut& out, const WorkerView& w) {
  out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
  out.key("heartbeat_age_seconds").number(static_cast<double>(w.now - w.last_seen_ms) / 1000);
  out.key("offline_backlog").integer(w.beat.spool_ready);
  out.key("offline_backlog_bytes").integer(w.beat.spool_bytes).end_object();
}

}  // namespace

std::int64_t QueueFigures::of(std::string_view status) const {
  const auto found = tasks.find(status);
  return found == tasks.end() ? 0 : found->second;
}

std::string encode(const WorkersHealth& h) {
  std::map<Presence, std::int64_t> count;
  std::map<WorkerMode, std::int64_t> mode;
  for (const WorkerView& w : h.workers) {
    ++count[w.presence];
    ++mode[w.mode];
  }
  const bool troubled = std::any_of(h.workers.begin(), h.workers.end(),
                                    [](const WorkerView& w) { return !w.troubles.empty(); });
  const bool all_well =
      h.troubles.empty() && !troubled && count[Presence::kOffline] + count[Presence::kStale] == 0;
  JsonOut out;
  out.object().key("status").str(all_well ? "ok" : "degraded");
  write(out, h.troubles);
  out.key("workers").object();
  for (const Presence p : kPresences) out.key(to_string(p)).integer(count[p]);
  for (const WorkerMode m : kModes) out.key(to_string(m)).integer(mode[m]);
  out.key("total").integer(static_cast<std::int64_t>(h.workers.size())).end_object();
  if (h.queue) write(out, *h.queue);
  out.key("items").array();
  for (const WorkerView& w : h.workers) write_health(out, w);
  return out.end_array().end_object().take();
}

std::string encode(const WorkersMetrics& m) {
  JsonOut out;
  out.object().key("queue_depth").integer(m.queue.of("queued"));
  out.key("task_failure_count").integer(m.failures).key("task_finished_count").integer(m.finished);
  out.key("average_task_latency_ms");
  if (m.average_ms)
    out.number(*m.average_ms);
  else
    out.null();
  write(out, m.queue);
  out.key("totals").array();
  for (const TaskTotal& t : m.totals) {
    out.object().key("type").str(t.type).key("outcome").str(t.outcome);
    out.key("count").integer(t.count).key("total_ms").integer(t.total_ms).end_object();
  }
  std::int64_t backlog = 0;
  out.end_array().key("workers").array();
  for (const WorkerView& w : m.workers) {
    backlog += w.beat.spool_ready;
    write_metrics(out, w);
  }
  return out.end_array().key("offline_backlog").integer(backlog).end_object().take();
}

Documents overview_documents() {
  using namespace shape;
  Members queue{{"depth", told(kInt, "The same as queued.")}};
  for (const std::string_view status : kStatuses) queue.emplace_back(status, kInt);
  queue.emplace_back("oldest_queued_seconds", kReal);
  Members presences;
  for (const Presence p : kPresences) presences.emplace_back(to_string(p), kInt);
  for (const WorkerMode m : kModes) presences.emplace_back(to_string(m), kInt);
  presences.emplace_back("total", kInt);
  return {
      {"QueueFigures", answer(queue)},
      {"WorkersHealth",
       answer({{"status", word({"ok", "degraded"})},
               {"troubles", told(kTexts, "What is wrong with the control plane, as in /readyz.")},
               {"workers", told(answer(presences), "How many, by presence and by what is wanted.")},
               {"queue", ref("QueueFigures")},
               {"items", array(answer({{"worker_id", kText},
                                       {"site", kText},
                                       {"status", presence_shape()},
                                       {"mode", word({"active", "paused", "draining"})},
                                       {"last_seen", kTimeOrNull},
                                       {"is_stale", kBool},
                                       {"is_awaited", kBool},
                                       {"busy", kInt},
                                       {"pool_size", kInt},
                                       {"offline_backlog", kInt},
                                       {"troubles", kTexts}}))}},
              {"queue"})},
      {"WorkersMetrics",
       answer({{"queue_depth", kInt},
               {"task_failure_count", kInt},
               {"task_finished_count", kInt},
               {"average_task_latency_ms", kNumberOrNull},
               {"queue", ref("QueueFigures")},
               {"totals",
                array(answer(
                    {{"type", kText}, {"outcome", kText}, {"count", kInt}, {"total_ms", kInt}}))},
               {"workers", array(answer({{"worker_id", kText},
                                         {"site", kText},
                                         {"heartbeat_age_seconds", kReal},
                                         {"offline_backlog", kInt},
                                         {"offline_backlog_bytes", kInt}}))},
               {"offline_backlog", kInt}})},
  };
}

}  // namespace skep::api
