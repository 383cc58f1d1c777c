// Tasks as people read them.
#pragma once

#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "core/cli/base/output.hpp"

namespace skep::cli {

/// Ids are cut to `id_width`, but for Format::kWide.
std::vector<Column> task_columns(WallMs now, std::size_t id_width);
/// One line: "task ID TYPE succeeded in 1.2s on WORKER (attempt 1)".
std::string task_headline(const json::object& task);
/// The headline, error, exit code and output of a task; `streams` = also stdout and stderr. Of
/// facts a row, and of another long document its beginning.
void print_result(const Console& console, const json::object& task, bool streams);
/// Everything that is known of a task.
void print_task(const Console& console, const json::object& task);
void print_explanation(const Console& console, const json::object& explanation);
bool is_over(const std::string& status);
/// The API's status, but "scheduled" or "retrying" of a task that waits for its time.
std::string status_word(const json::object& task);

}  // namespace skep::cli
