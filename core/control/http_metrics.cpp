#include "core/control/http_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <array>

namespace skep::control {
namespace {

const prometheus::Histogram::BucketBoundaries kHttpSeconds{0.0005, 0.001, 0.005, 0.01, 0.05,
                                                           0.1,    0.5,   1,     5,    30};
constexpr std::array<std::string_view, 7> kMethods{"GET",   "HEAD",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};

std::string_view known_method(std::string_view method) {
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end() ? method : "other";
}

}  // namespace

struct HttpMetrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("skep_http_requests_total")
          .Help("HTTP requests by method, route and status.")
          .Register(registry);
  prometheus::Histogram& seconds =
      prometheus::BuildHistogram()
          .Name("skep_http_request_duration_seconds")
          .Help("Time from a request's header to its answer, long polls included.")
          .Register(registry)
          .Add({}, kHttpSeconds);
};

HttpMetrics::HttpMetrics() : families_(std::make_unique<Families>()) {}
HttpMetrics::~HttpMetrics() = default;

void HttpMetrics::count(std::string_view method, std::string_view route, int status, Millis took) {
  families_->requests
      .Add({{"method", std::string(known_method(method))},
            {"route", std::string(route)},
            {"code", std::to_string(status)}})
      .Increment();
  families_->seconds.Observe(static_cast<double>(took.count()) / 1000);
}

void HttpMetrics::collect(std::vector<prometheus::MetricFamily>& out) const {
  for (auto& family : families_->registry.Collect()) out.push_back(std::move(family));
}

}  // namespace skep::control
