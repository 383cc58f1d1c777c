// Finished tasks by type and outcome since the database was made: an effect of completions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/control/feature.hpp"

namespace skep::control {

struct TaskTotal {
  std::string type;
  std::string outcome;  ///< the state it ended in: "succeeded", "failed", ..
  std::int64_t count = 0;
  std::int64_t total_ms = 0;  ///< from start to end, of those that started
};

/// Statements that add `ended` to the totals.
void add_totals(std::span<const ports::Completion> ended, Effects& out);
Result<std::vector<TaskTotal>> read_totals(ports::Store& store);

}  // namespace skep::control
