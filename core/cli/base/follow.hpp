// Waiting for tasks and showing their output as it comes.
#pragma once

#include <functional>
#include <string>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

std::string task_path(const std::string& id, std::string_view rest = {});

struct LogLine {
  std::int64_t attempt = 0;
  std::string stream;  ///< "stdout", "stderr", "log" or "progress"
  std::string text;
};
/// False = no more, please.
using OnLine = std::function<bool(const LogLine&)>;

/// Reads a task's log pages until there are no more (`follow` = until the task has ended; says on
/// `err` why it waits when it does so for some seconds), or until `on_line` wants no more.
/// kCancelled when interrupted, kDeadline after `limit` (0 = none). With `follow` the control plane
/// may go away meanwhile, see Absence. False when more may come: the task goes on, or the last of
/// its output is on its way.
Expected<bool> read_logs(Client& api, const Console& console, const std::string& id, bool follow,
                         Millis limit, const OnLine& on_line);

/// stdout to `out` and stderr to `err`, as ScriptOutput does it; log lines to `err` with "log: " in
/// front, and a line before each attempt but the first.
OnLine line_printer(const Console& console, bool raw = false);

/// The task once it has ended. Says on `err` why it waits when it does so for some seconds.
/// kCancelled when interrupted, kDeadline after `limit` (0 = none). The control plane may go away
/// meanwhile, see Absence.
Expected<json::value> wait_for_end(Client& api, const Console& console, const std::string& id,
                                   Millis limit);

/// What a wait for the task `id` that failed leads to: how to look again, and how to cancel. Of a
/// task that was not `accepted` here, only a wait that was interrupted, timed out or lost its
/// control plane; of one that is there no more, none.
Failure detached(Failure failure, const std::string& id, bool accepted);

}  // namespace skep::cli
