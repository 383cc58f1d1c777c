// What the HTTP server counts of its requests.
#pragma once

#include <prometheus/metric_family.h>

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"

namespace skep::control {

class HttpMetrics {
 public:
  HttpMetrics();
  ~HttpMetrics();
  /// A request was answered. `route` is the row's path, "" = none matched; a method that HTTP does
  /// not know counts as "other", so that strangers cannot invent labels. [any]
  void count(std::string_view method, std::string_view route, int status, Millis took);
  void collect(std::vector<prometheus::MetricFamily>& out) const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace skep::control
