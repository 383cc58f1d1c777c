// Who may run a task, and why not. Pure.
//
// A requirement is the name of a capability, or several with `|` between them, of which one is
// enough. What a task's parameters fit is such a one: "params:ID|params:ID..", with the ids of the
// parameter schemas that accepted them. The control plane adds to a worker's capabilities those
// that its versions take; a queue sees names and nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/task.hpp"

namespace skep::model {

/// The requirement that one of these schemas, or one that accepts as much, is the worker's; of one
/// schema it is the capability as well.
std::string acceptance(std::vector<std::string> schema_ids);
/// No name that people give looks like one.
bool is_acceptance(std::string_view requirement);
/// The schema ids in the acceptance of a task; empty when it was not checked against any.
std::vector<std::string> accepting_schemas(const TaskSpec& spec);

/// Takes over the acceptance of `known`, the same task as it came before. False when it has it.
/// Requirements are sorted.
bool adopt_acceptance(TaskSpec& spec, const TaskSpec& known);

/// Why `worker` may not run such a task, in words for people; nothing when it may.
std::optional<std::string> why_not(const TaskSpec& spec, const WorkerProfile& worker);

}  // namespace skep::model
