// What the control plane counts of tasks, and what its queue holds. Names:
// docs/reference/metrics.md.
#pragma once

#include <prometheus/metric_family.h>

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/control/queue_counts.hpp"

namespace skep::control {

class TaskMetrics {
 public:
  TaskMetrics();
  ~TaskMetrics();
  // Counted as they happen. [any]
  void submitted(std::string_view type, std::size_t count);
  void result(std::string_view verdict, std::string_view outcome, std::int64_t duration_ms);
  /// Appends the counts so far and the state given. [any]
  void collect(std::size_t waiting_claims, std::vector<prometheus::MetricFamily>& out) const;
  /// Appends what the queue holds.
  static void collect_queue(WallMs now, const QueueCounts::Counted& held,
                            std::vector<prometheus::MetricFamily>& out);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace skep::control
