// Whose a lease is, told by its id alone: no row is read for it.
#pragma once

#include <string>
#include <string_view>

namespace skep::control {

/// What the queue calls a claim of `worker_id`: a mark of the worker, then its own name for the
/// claim ("" = it has none). The queue makes its lease ids begin with that.
std::string marked_claim(std::string_view worker_id, std::string_view claim_id);

/// False when the lease bears the mark of another worker. One without a mark, from before there
/// were any, is whose id is known to nobody else.
bool may_be_lease_of(std::string_view worker_id, std::string_view lease_id);

}  // namespace skep::control
