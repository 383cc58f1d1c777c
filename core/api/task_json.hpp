// Tasks as JSON: what POST /api/tasks takes and what every task route answers.
#pragma once

#include <boost/json/value.hpp>
#include <span>
#include <string>

#include "core/api/document.hpp"
#include "core/base/json.hpp"
#include "core/model/task.hpp"
#include "core/ports/queue.hpp"

namespace skep::api {

/// Reads one submitted task. Checks names, ranges and member types, refuses unknown members;
/// whether the type exists and params fit it is TaskService's business. `what` names it in messages
/// ("task" or "tasks[3]"). `default_attempts` is used when max_attempts is missing.
Result<model::TaskSpec> decode_task_spec(const json::value& v, std::string_view what,
                                         int default_attempts);

/// Appends the task object of the contract (docs/reference/http-api.md).
void encode_task(JsonOut& out, const model::Task& task);
std::string encode_task(const model::Task& task);
/// {"items":[..],"next_cursor":".."|null}
std::string encode_tasks(std::span<const model::Task> tasks, std::string_view next_cursor);
/// The task with its attempts, for GET /api/tasks/{id}.
std::string encode_task(const model::Task& task, std::span<const ports::AttemptRow> attempts);

/// Does this error say that the worker's version of the type did not take the params?
bool refuses_params(std::string_view error);
/// {"code":..,"message":..}: the shape of a task's error; of a task that somebody cancelled with
/// who it was. A worker cannot say that member (decode_outcome).
std::string task_error(std::string_view code, std::string_view message,
                       std::string_view cancelled_by = {});
inline constexpr std::string_view kCancelledBy = "cancelled_by";

/// Task, TaskDetail, TaskList, TaskSpec, what one submits and what is answered to that.
Documents task_documents();
/// Schema of a task's public status.
std::string status_shape();

}  // namespace skep::api
