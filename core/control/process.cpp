#include "core/control/process.hpp"

#include "core/api/metric_snapshot.hpp"
#include "core/base/json.hpp"
#include "core/base/version.hpp"
#include "core/control/reconciler.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

std::vector<Check> all_checks(Platform& platform, const FeatureList& features) {
  ports::TaskQuery probe;
  probe.limit = 1;
  const auto read = platform.queue.read(probe);
  const auto cursor = Reconciler::cursor(platform.store);
  std::vector<Check> checks{{"queue", read ? Status{} : Status{read.error()}},
                            {"database", cursor ? Status{} : Status{cursor.error()}}};
  for (const auto& f : features)
    for (Check& check : f->checks()) checks.push_back(std::move(check));
  return checks;
}

HttpResponse health(Platform& platform, const FeatureList& features) {
  JsonOut out;
  bool good = true;
  out.object().key("version").str(kVersion).key("checks").object();
  for (const Check& check : all_checks(platform, features)) {
    good = good && check.status;
    out.key(check.name).str(check.status ? std::string("ok") : check.status.error().message);
  }
  out.end_object().key("status").str(good ? "ok" : "unavailable").end_object();
  return HttpResponse::json(out.take(), good ? 200 : 503);
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

std::vector<net::Route> process_routes(Platform& platform, const HttpMetrics& http,
                                       const FeatureList& features) {
  using enum net::Right;
  const auto probe = [](std::string_view path, net::Right right, std::string_view summary,
                        std::function<HttpResponse(const HttpRequest&)> handler) {
    net::Route r{"GET", path, right, 0, summary, std::move(handler)};
    r.any_query = true;
    return r;
  };
  const auto ready = [&](const HttpRequest&) { return health(platform, features); };
  return {
      probe("/health", kNone, "Is everything it depends on there?", ready),
      probe("/readyz", kNone, "The same as /health.", ready),
      probe("/livez", kNone, "Does the process answer?",
            [](const HttpRequest&) { return HttpResponse::json(R"({"status":"ok"})"); }),
      probe("/metrics", kOperate, "Prometheus metrics.",
            [&](const HttpRequest&) { return metrics(http, features); }),
  };
}

}  // namespace skep::control
