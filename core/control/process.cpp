#include "core/control/process.hpp"

#include "core/api/metric_snapshot.hpp"
#include "core/api/process_json.hpp"
#include "core/base/version.hpp"
#include "core/control/reconciler.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

/// What a submit asks: can it be read and written, and is it the queue that the store knows?
Status ask_queue(Platform& platform) {
  ports::TaskQuery probe;
  probe.limit = 1;
  const auto read = platform.queue.read(probe);
  if (!read) return read.error();
  const model::Lease nobodys{"readyz", 0, ""};
  const auto written = platform.queue.release(platform.clock.wall_ms(), {&nobodys, 1});
  if (!written) return written.error();
  return Reconciler::check(platform.queue, platform.store);
}

Status ask_store(Platform& platform) {
  const auto cursor = Reconciler::cursor(platform.store);
  if (!cursor) return cursor.error();
  const ports::Statement nothing{"UPDATE cursors SET sequence = $1 WHERE name = ''", {*cursor}};
  const auto written = platform.store.batch({&nothing, 1});
  return written ? Status{} : Status{written.error()};
}

std::vector<Check> all_checks(Platform& platform, const FeatureList& features) {
  std::vector<Check> checks{{"queue", ask_queue(platform)}, {"database", ask_store(platform)}};
  for (const auto& f : features)
    for (Check& check : f->checks()) checks.push_back(std::move(check));
  return checks;
}

HttpResponse health(Platform& platform, const FeatureList& features) {
  api::Health now{std::string(kVersion), {}};
  for (const Check& check : all_checks(platform, features))
    now.checks.push_back(
        {std::string(check.name), check.status ? "" : check.status.error().message});
  return HttpResponse::json(api::encode(now), now.good() ? 200 : 503);
}

HttpResponse metrics(const HttpMetrics& http, const FeatureList& features) {
  api::Snapshot build("skep_build_info", "The version of this binary.");
  build.add(1, {{"version", kVersion}});
  std::vector<prometheus::MetricFamily> families{build.take()};
  families.push_back(api::plugin_gauges());
  http.collect(families);
  for (const auto& f : features)
    if (const Status done = f->metrics(families); !done) return HttpResponse::problem(done.error());
  return HttpResponse::metrics(api::render(std::move(families)));
}

}  // namespace

std::vector<std::string> troubles_of(Platform& platform, const FeatureList& features) {
  std::vector<std::string> out;
  for (const Check& check : all_checks(platform, features))
    if (!check.status) out.push_back(std::string(check.name) + ": " + check.status.error().message);
  return out;
}

std::vector<net::Route> process_routes(Platform& platform, const HttpMetrics& http,
                                       const FeatureList& features) {
  using enum net::Right;
  const auto probe = [](std::string_view path, net::Right right, std::string_view summary,
                        net::RouteDocuments documents,
                        std::function<HttpResponse(const HttpRequest&)> handler) {
    net::Route r{"GET", path, right, 0, summary, std::move(handler)};
    r.any_query = true;
    r.documents = std::move(documents);
    return r;
  };
  const net::RouteDocuments readiness{.response = "Health", .others = {{"503", "Health"}}};
  const auto ready = [&](const HttpRequest&) { return health(platform, features); };
  return {
      probe("/health", kProbe, "Is everything it depends on there?", readiness, ready),
      probe("/readyz", kProbe, "The same as /health.", readiness, ready),
      probe("/livez", kProbe, "Does the process answer?", {"", "Alive"},
            [](const HttpRequest&) { return HttpResponse::json(api::encode_alive()); }),
      net::heavy(probe("/metrics", kOperate, "Prometheus metrics.", {"", "Metrics", "text/plain"},
                       [&](const HttpRequest&) { return metrics(http, features); })),
  };
}

}  // namespace skep::control
