// skep status, skep health
#include "core/cli/status/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ostream>

#include "core/cli/base/format.hpp"
#include "core/cli/base/invocation.hpp"
#include "core/cli/base/worker_view.hpp"

namespace skep::cli {
namespace {

/// "3 online, 0 late": the counts of `keys` that are there, in this order.
std::string counts_text(const json::object& counts, std::initializer_list<const char*> keys) {
  std::string out;
  for (const char* key : keys) {
    if (!counts.contains(key)) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", get_int(counts, key), key);
  }
  return out;
}

/// ", 1 paused": the same for those that are not 0.
std::string counts_if_any(const json::object& counts, std::initializer_list<const char*> keys) {
  std::string out;
  for (const char* key : keys)
    if (const std::int64_t n = get_int(counts, key); n > 0) out += fmt::format(", {} {}", n, key);
  return out;
}

/// As the answers of /health and /api/workers/health do.
bool says_status(const json::value& document) {
  return !get_string(document.get_object(), "status").empty();
}

const json::object* part(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v == nullptr ? nullptr : v->if_object();
}

bool is_troubled(const json::object* worker) {
  const json::value* troubles = worker->if_contains("troubles");
  return troubles != nullptr && troubles->is_array() && !troubles->get_array().empty();
}

/// ": 2 workers offline, 1 in trouble": what makes it degraded, "" when nothing is known.
std::string why_degraded(const json::object& o) {
  std::string out;
  const auto add = [&](std::int64_t n, std::string_view what) {
    if (n > 0)
      out += fmt::format("{}{} {} {}", out.empty() ? ": " : ", ", n, n == 1 ? "worker" : "workers",
                         what);
  };
  if (const json::object* workers = part(o, "workers"))
    for (const char* key : {"offline", "stale"}) add(get_int(*workers, key), key);
  const auto items = objects_of(o, "items");
  add(std::count_if(items.begin(), items.end(), is_troubled), "in trouble (see NOTE)");
  return out;
}

void print_status(const Console& c, const std::string& server, const json::value& health) {
  const json::object& o = health.get_object();
  const Cell state = status_cell(get_string(o, "status"));
  c.out << "control  " << server << "  "
        << (state.styled ? c.paint(state.style, state.text) : printable(state.text))
        << (state.text == "degraded" ? why_degraded(o) : "") << '\n';
  for (const std::string& trouble : texts_of(o, "troubles"))
    c.out << c.paint(Style::kBad, "trouble") << "  " << wrapped(printable(trouble), c.width, 9)
          << '\n';
  if (const json::object* workers = part(o, "workers"))
    c.out << "workers  " << counts_text(*workers, {"online", "late", "offline", "stale"})
          << counts_if_any(*workers, {"stopped", "paused", "draining"}) << '\n';
  if (const json::object* queue = part(o, "queue")) {
    std::string counts = counts_text(
        *queue, {"queued", "claimed", "executing", "succeeded", "failed", "cancelled", "dead"});
    const double oldest = get_double(*queue, "oldest_queued_seconds");
    if (oldest > 0)
      counts += ", oldest waits " + human_duration(static_cast<std::int64_t>(oldest * 1'000));
    c.out << "queue    " << wrapped(counts, c.width, 9) << '\n';
  }
  c.out << '\n';
  print_list(c, Format::kTable, health, worker_columns(c.now_ms()), "worker_id",
             "no workers; next: skep up   or   skep start -c worker.toml");
}

Expected<int> status(Invocation& call) {
  auto api = call.api();
  if (!api) return api.error();
  constexpr const char* kPath = "/api/workers/health";
  const auto health = (*api)->get(kPath);
  if (!health) return health.error();
  if (!says_status(*health)) return (*api)->strange(kPath, "no status");
  if (!print_document(call.console, call.format, *health, "status"))
    print_status(call.console, (*api)->server(), *health);
  return 0;
}

void print_health(const Console& c, const std::string& server, const json::object& o) {
  const Cell state = status_cell(get_string(o, "status"));
  const std::string version = get_string(o, "version");
  c.out << "node     " << server << "  "
        << (state.styled ? c.paint(state.style, state.text) : printable(state.text))
        << (version.empty() ? "" : "  version " + printable(version)) << '\n';
  const json::object* checks = part(o, "checks");
  if (checks == nullptr || checks->empty()) return;
  Table table({"CHECK", {"STATE", Fit::kBelow}});
  for (const auto& check : *checks)
    table.row({std::string(check.key()), status_cell(get_string(*checks, check.key()))});
  c.out << '\n';
  table.print(c);
}

/// Whether it is healthy: what answers there may be a stranger.
Expected<bool> judge(Invocation& call, const Client& node, const std::string& path,
                     const net::ClientResponse& answer) {
  const auto document = parse_json(answer.body);
  const bool is_object = document && document->is_object();
  if (is_object && answer.status >= 400 && document->get_object().contains("detail"))
    return node.failure_of(answer);
  if (!is_object || !says_status(*document)) {
    Failure failure = node.strange(path, fmt::format("HTTP {} without a status", answer.status));
    failure.error.next = "name a skep node: skep health URL   or   -c FILE";
    return failure;
  }
  if (!call.console.quiet && !print_document(call.console, call.format, *document, "status"))
    print_health(call.console, node.server(), document->get_object());
  return answer.status < 400;
}

Expected<bool> is_healthy(Invocation& call, const std::string& path) {
  auto node = call.node(Reach::kProbe);
  if (!node) return node.error();
  const auto answer = node->raw("GET", path, {});
  if (!answer) return answer.error();
  return judge(call, *node, path, *answer);
}

/// 0 or 1 and nothing else, also where the node is not known: what container and service probes
/// understand.
Expected<int> health(Invocation& call) {
  if (call.args.has("live") && call.args.has("ready"))
    return Failure(usage_error("--live and --ready exclude each other"));
  if (call.args.has("URL")) call.args.add("server", call.args.get("URL"));
  const std::string path = call.args.has("live")    ? "/livez"
                           : call.args.has("ready") ? "/readyz"
                                                    : "/health";
  const auto healthy = is_healthy(call, path);
  if (!healthy) print_failure(call.console, healthy.error());
  return healthy && *healthy ? 0 : 1;
}

}  // namespace

std::vector<Command> status_commands() {
  Command one{"status", "one screen: workers, queue, spool"};
  one.run = status;
  Command probe{"health", "probe a node; exit 0 when healthy, else 1"};
  probe.notes =
      "With the -c FILE of a worker it asks that worker, at its socket; all else asks a control "
      "plane.";
  probe.positionals = {{"URL", "the node, instead of --server", false}};
  probe.options = {{"live", 0, "", "only: does the process answer"},
                   {"ready", 0, "", "only: can it serve"}};
  probe.run = health;
  return {std::move(one), std::move(probe)};
}

}  // namespace skep::cli
