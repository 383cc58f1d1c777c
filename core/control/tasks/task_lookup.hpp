// Tasks by the beginning of their id.
#pragma once

#include <string_view>
#include <vector>

#include "core/ports/queue.hpp"

namespace skep::control {

/// What may begin a task's id: 4 to 36 of 0-9, a-f and "-".
bool is_id_beginning(std::string_view text);

/// The tasks whose id begins with `text`, newest first, at most `limit`. The time in the id says
/// where they are: a number of short reads that grows with the logarithm of the history, then the
/// rows of that time. kInvalid "too-many" when there are more rows of it than are looked at.
Result<std::vector<model::Task>> tasks_beginning(ports::Queue& queue, std::string_view text,
                                                 std::uint32_t limit);

}  // namespace skep::control
