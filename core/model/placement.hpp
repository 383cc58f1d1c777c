// Who may run a task, and why not. Pure.
#pragma once

#include <optional>
#include <string>

#include "core/model/task.hpp"

namespace skep::model {

/// Why `worker` may not run such a task, in words for people; nothing when it may.
std::optional<std::string> why_not(const TaskSpec& spec, const WorkerProfile& worker);

}  // namespace skep::model
