#include "core/control/process.hpp"

#include "core/api/metric_snapshot.hpp"
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

std::vector<Check> all_checks(Platform& platform, const FeatureList& features) {
  std::vector<Check> checks{{"queue", ask_queue(platform)}, {"database", ask_store(platform)}};
  for (const auto& f : features)
    for (Check& check : f->checks()) checks.push_back(std::move(check));
  return checks;
}

net::Route metrics_route(const HttpMetrics& http, const FeatureList& features) {
  net::Route r{
      "GET", "/metrics", net::Right::kOperate, 0, "Prometheus metrics.", [&](const HttpRequest&) {
        return metrics(http, features);
      }};
  r.any_query = true;
  r.documents = {"", "Metrics", "text/plain"};
  return net::heavy(std::move(r));
}

}  // namespace skep::control
