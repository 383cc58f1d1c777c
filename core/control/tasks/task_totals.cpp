#include "core/control/tasks/task_totals.hpp"

#include <map>

namespace skep::control {

void add_totals(std::span<const ports::Completion> ended, Effects& out) {
  std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, std::int64_t>> sums;
  for (const auto& c : ended) {
    auto& [count, total_ms] = sums[{c.task.spec.type, std::string(to_string(c.task.state))}];
    ++count;
    if (c.task.started_ms > 0) total_ms += c.task.finished_ms - c.task.started_ms;
  }
  for (const auto& [key, sum] : sums)
    out.push_back(
        {"INSERT INTO task_totals (type, outcome, count, total_ms) VALUES ($1, $2, $3, "
         "$4) ON CONFLICT (type, outcome) DO UPDATE SET count = task_totals.count + "
         "$3, total_ms = task_totals.total_ms + $4",
         {key.first, key.second, sum.first, sum.second}});
}

Result<std::vector<TaskTotal>> read_totals(ports::Store& store) {
  const auto rows = store.query({"SELECT type, outcome, count, total_ms FROM task_totals"});
  if (!rows) return rows.error();
  std::vector<TaskTotal> out;
  for (const auto& row : *rows)
    out.push_back({ports::as_text(row[0]), ports::as_text(row[1]), ports::as_int(row[2]),
                   ports::as_int(row[3])});
  return out;
}

}  // namespace skep::control
