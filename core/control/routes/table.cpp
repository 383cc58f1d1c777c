#include "core/control/control.hpp"
#include "core/control/routes/routes.hpp"

namespace skep::control {
namespace {

using net::Access;
using net::Route;

constexpr std::size_t kNone = 0;
constexpr std::size_t kSmall = net::kOptionalBody;
constexpr std::size_t kTask = 1 << 20;
constexpr std::size_t kBatchBody = 16 << 20;
/// The largest plugin as base64, and the members around it.
constexpr std::size_t kArtifact = api::kMaxPluginBytes / 3 * 4 + (128 << 10);

using Handler = HttpResponse (*)(Control&, const HttpRequest&);

}  // namespace

std::vector<Route> route_table(Control& c) {
  using Names = std::vector<std::string_view>;
  /// A route and the query parameters that it takes; another one is refused by name.
  const auto bind = [&c](Handler h, Names query = {}) {
    return [&c, h, query = std::move(query)](const HttpRequest& r) {
      const auto ok = known_query(r, query);
      return ok ? h(c, r) : HttpResponse::problem(ok.error());
    };
  };
  /// For probes and scrapers, which may add parameters of their own.
  const auto probe = [&c](Handler h) { return [&c, h](const HttpRequest& r) { return h(c, r); }; };
  const auto mode = [&](std::string_view word) {
    return [&c, word](const HttpRequest& r) {
      const auto ok = known_query(r, {});
      return ok ? set_worker_mode(c, r, word) : HttpResponse::problem(ok.error());
    };
  };
  using enum Access;
  return {
      {"GET", "/health", kOpen, kNone, "Is everything it depends on there?", probe(health)},
      {"GET", "/readyz", kOpen, kNone, "The same as /health.", probe(health)},
      {"GET", "/livez", kOpen, kNone, "Does the process answer?", probe(livez)},
      {"GET", "/metrics", kOperator, kNone, "Prometheus metrics.", probe(metrics)},

      {"POST", "/api/tasks", kOperator, kBatchBody, "Submit one task or an array.",
       bind(post_tasks)},
      {"GET", "/api/tasks", kOperator, kNone, "List tasks, newest first.",
       bind(list_tasks, {"status", "type", "site", "worker_id", "limit", "cursor"})},
      {"GET", "/api/tasks/{id}", kOperator, kNone, "One task; ?wait=30 waits for its end.",
       bind(get_task, {"wait"})},
      {"GET", "/api/tasks/{id}/logs", kOperator, kNone, "Its output so far; ?after=&wait= follows.",
       bind(get_task_logs, {"after", "wait"})},
      {"GET", "/api/tasks/{id}/explain", kOperator, kNone, "Why it waits, per worker.",
       bind(explain_task)},
      {"POST", "/api/tasks/{id}/cancel", kOperator, kSmall, "End it.", bind(cancel_task)},
      {"POST", "/api/tasks/{id}/retry", kOperator, kSmall, "Queue it again with fresh tries.",
       bind(retry_task)},
      {"GET", "/api/task-types", kOperator, kNone, "Known task types with their schemas.",
       bind(task_types)},

      {"POST", "/api/workers/register", kWorker, kTask, "A worker introduces itself.",
       bind(register_worker)},
      {"POST", "/api/workers/results", kWorker, kBatchBody, "One envelope or an array.",
       bind(post_results)},
      {"POST", "/api/workers/{id}/heartbeat", kWorker, kTask, "A worker's beat; renews leases.",
       bind(heartbeat)},
      {"POST", "/api/workers/{id}/claim", kWorker, kTask, "Lease tasks; long-polls.", bind(claim)},
      {"POST", "/api/workers/{id}/release", kWorker, kTask, "Hand tasks back unfinished.",
       bind(release)},
      {"GET", "/api/workers", kOperator, kNone, "List workers.",
       bind(list_workers, {"site", "status"})},
      {"GET", "/api/workers/health", kOperator, kNone, "Presence of workers, depth of the queue.",
       bind(workers_health)},
      {"GET", "/api/workers/metrics", kOperator, kNone, "Queue and worker figures as JSON.",
       bind(workers_metrics)},
      {"GET", "/api/workers/{id}", kOperator, kNone, "One worker.", bind(get_worker)},
      {"DELETE", "/api/workers/{id}", kOperator, kNone, "Forget a worker that is gone.",
       bind(remove_worker)},
      {"GET", "/api/workers/{id}/tasks", kOperator, kNone, "Tasks of one worker.",
       bind(list_worker_tasks, {"status", "type", "site", "limit", "cursor"})},
      {"POST", "/api/workers/{id}/pause", kOperator, kSmall, "Stop claiming.", mode("paused")},
      {"POST", "/api/workers/{id}/resume", kOperator, kSmall, "Claim again.", mode("active")},
      {"POST", "/api/workers/{id}/drain", kOperator, kSmall, "Stop claiming, finish, hand back.",
       mode("draining")},
      {"GET", "/api/workers/{id}/artifacts", kWorker, kNone, "What it is meant to have.",
       bind(worker_artifacts)},

      {"POST", "/api/registry/artifacts", kOperator, kArtifact, "Publish a script or a plugin.",
       bind(publish_artifact)},
      {"GET", "/api/registry/artifacts", kOperator, kNone, "Releases in force.",
       bind(list_artifacts)},
      {"GET", "/api/registry/artifacts/{name}", kOperator, kNone,
       "Its releases, and how far each worker is.", bind(get_artifact)},
      {"DELETE", "/api/registry/artifacts/{name}", kOperator, kNone, "Take it from every worker.",
       bind(withdraw_artifact)},
      {"POST", "/api/registry/artifacts/{name}/rollback", kOperator, kSmall,
       "Back to the release before.", bind(rollback_artifact)},
      {"POST", "/api/registry/artifacts/{name}/promote", kOperator, kSmall,
       "Give the canary to everybody.", bind(promote_artifact)},
      {"GET", "/api/registry/blobs/{sha256}", kWorker, kNone,
       "The bytes of an artifact; ?chunk=0 a part of 768 KiB.", bind(get_blob, {"chunk"})},
  };
}

}  // namespace skep::control
