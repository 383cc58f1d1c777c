// Pages of tasks in the order of their numbers.
#pragma once

#include <vector>

#include "connection.hpp"
#include "skep/kind/queue.h"

namespace skep::sqlite {

/// The numbers of at most `q.limit` tasks after `q.after_seq` that fit `q`. Reads as many rows as
/// it gives, and one for each combination of state, site and type there is. Throws Fault.
std::vector<std::int64_t> read_task_page(Connection& db, const skep_queue_query& q);

}  // namespace skep::sqlite
