// Tasks and leases between the core's nouns and the queue's ABI.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/model/task.hpp"
#include "core/ports/queue.hpp"
#include "skep/kind/queue.h"

namespace skep::plugin {

/// `requirements_json` must outlive the row; so must `task`.
skep_queue_task to_abi(const model::Task& task, const std::string& requirements_json);
skep_queue_lease to_abi(const model::Lease& lease, bool executing);
skep_queue_result to_abi(const ports::ResultRecord& record);
skep_queue_loss to_abi(const ports::Loss& loss);

/// A sorted JSON array without duplicates.
std::string requirements_json(std::vector<std::string> names);
model::Task to_task(const skep_queue_task& row);
ports::AttemptRow to_attempt(const skep_queue_attempt& row);

}  // namespace skep::plugin
