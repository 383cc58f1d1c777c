// The overview as JSON: GET /api/workers/health and /api/workers/metrics.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/worker_json.hpp"

namespace skep::api {

struct QueueFigures {
  std::map<std::string, std::int64_t, std::less<>> tasks;  ///< by public status
  double oldest_queued_seconds = 0;

  std::int64_t of(std::string_view status) const;
};

struct WorkersHealth {
  std::optional<QueueFigures> queue;  ///< nothing when it cannot be counted now
  std::vector<WorkerView> workers;
  std::vector<std::string> troubles;  ///< of the control plane itself
};
std::string encode(const WorkersHealth& h);

/// Finished tasks of one type that ended alike.
struct TaskTotal {
  std::string type;
  std::string outcome;  ///< the state it ended in: "succeeded", "failed", ..
  std::int64_t count = 0;
  std::int64_t total_ms = 0;  ///< from start to end, of those that started
};

struct WorkersMetrics {
  QueueFigures queue;
  std::int64_t failures = 0;
  std::int64_t finished = 0;
  std::optional<double> average_ms;
  std::vector<TaskTotal> totals;
  std::vector<WorkerView> workers;
};
std::string encode(const WorkersMetrics& m);

/// WorkersHealth, WorkersMetrics, QueueFigures.
Documents overview_documents();

}  // namespace skep::api
