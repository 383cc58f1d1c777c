// What the routes around a task answer besides the task: a receipt, its output, why it waits, and
// the types that there are.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/document.hpp"
#include "core/api/wire.hpp"
#include "core/model/task.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::api {

struct Submitted {
  model::Task task;
  bool existed = false;  ///< the idempotency key was known with the same content
};
/// Of an array of tasks: {"items":[{"id","status","type"}]}
std::string encode(std::span<const Submitted> submitted);

struct LogRow {
  std::int64_t attempt = 0;
  std::int64_t chunk = 0;
  WallMs received_ms = 0;
  std::vector<LogEntry> entries;
};
struct LogPage {
  std::vector<LogRow> rows;
  std::string next_cursor;
  bool ended = false;  ///< nothing will follow
};
std::string encode(const LogPage& page);

struct Explanation {
  model::Task task;
  std::string summary;
  std::string next;
  struct Line {
    std::string worker_id;
    bool eligible = false;
    std::string reason;
  };
  std::vector<Line> workers;  ///< of a task that waits
};
std::string encode(const Explanation& e);

struct TaskTypeVersion {
  ports::TaskType type;
  std::string schema_id;  ///< of its params_schema
};
/// The versions of each type, newest first, at least one.
std::string encode(std::span<const std::vector<TaskTypeVersion>> types);

/// SubmittedTasks, LogPage, Explanation, TaskTypeList and their parts.
Documents task_view_documents();

}  // namespace skep::api
