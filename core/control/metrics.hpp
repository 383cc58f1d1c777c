// What GET /metrics says, in Prometheus text format. Names: docs/reference/metrics.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/control/rollout.hpp"
#include "core/control/worker_directory.hpp"
#include "core/ports/queue.hpp"

namespace skep::control {

class Metrics {
 public:
  Metrics();
  ~Metrics();
  // Events, counted as they happen. [any]
  void http_request(std::string_view method, std::string_view route, int status, Millis took);
  void tasks_submitted(std::string_view type, std::size_t count);
  void result(std::string_view verdict, std::string_view outcome, std::int64_t duration_ms);
  /// "published", "canary", "promoted", "rolled_back", "withdrawn" or "failed".
  void artifact_event(std::string_view what);
  /// The exposition: events so far, and the state given. [any]
  std::string render(WallMs now, const std::vector<ports::TaskCount>& counts,
                     const std::vector<WorkerRecord>& workers, const WorkerDirectory& directory,
                     std::size_t waiting_claims, const std::vector<Release>& releases) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::control
