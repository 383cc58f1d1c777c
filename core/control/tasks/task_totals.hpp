// Finished tasks by type and outcome since the database was made: an effect of completions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/api/overview_json.hpp"
#include "core/control/feature.hpp"

namespace skep::control {

using TaskTotal = api::TaskTotal;

/// Statements that add `ended` to the totals.
void add_totals(std::span<const ports::Completion> ended, Effects& out);
Result<std::vector<TaskTotal>> read_totals(ports::Store& store);

}  // namespace skep::control
