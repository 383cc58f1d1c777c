// Durable events of tasks that ended.
#pragma once

#include "core/control/events/event_log.hpp"
#include "core/control/feature.hpp"

namespace skep::control {

/// task.succeeded, task.failed, task.cancelled or task.dead of each of `ended`, in their order.
/// `now` bounds when they say it was. Pure.
std::vector<NewEvent> task_events(const EventLog& log, WallMs now,
                                  std::span<const ports::Completion> ended);

}  // namespace skep::control
