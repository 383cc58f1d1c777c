#include "core/control/process.hpp"

#include "core/api/metric_snapshot.hpp"
#include "core/base/version.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

HttpResponse metrics(const Platform& platform, const HttpMetrics& http,
                     const FeatureList& features) {
  api::Snapshot build("skep_build_info", "The version of this binary.");
  build.add(1, {{"version", kVersion}});
  std::vector<prometheus::MetricFamily> families{build.take()};
  for (auto& figures : api::plugin_figures()) families.push_back(std::move(figures));
  http.collect(families);
  api::Health::Check whole{"metrics", ""};
  for (const auto& f : features)
    if (const Status done = f->metrics(families); !done) whole.problem = done.error().message;
  auto checks = platform.checks();
  checks.push_back(std::move(whole));
  families.push_back(api::check_gauges(checks));
  return HttpResponse::metrics(api::render(std::move(families)));
}

}  // namespace

net::Route metrics_route(const Platform& platform, const HttpMetrics& http,
                         const FeatureList& features) {
  net::Route r{
      "GET", "/metrics", net::Right::kOperate, 0, "Prometheus metrics.", [&](const HttpRequest&) {
        return metrics(platform, http, features);
      }};
  r.any_query = true;
  r.documents = {"", "Metrics", "text/plain"};
  return net::heavy(std::move(r));
}

}  // namespace skep::control
