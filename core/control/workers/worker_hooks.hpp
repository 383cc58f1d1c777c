// What other features do when a worker speaks. The worker service calls them in the order of the
// features, on the request's thread and without a lock; an empty one is not called.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/api/wire.hpp"

namespace skep::control {

struct WorkerRecord;

struct WorkerHooks {
  /// It may register and will in a moment: what it brings is known before anybody sees it. An error
  /// fails the registration.
  std::function<Status(const api::Registration& registration)> registering{};
  /// It registered, and others may register meanwhile; `before` is what was known of its id, or
  /// null. An error fails the registration, which the worker then says again.
  std::function<Status(const WorkerRecord& now, const WorkerRecord* before,
                       api::RegistrationReply& reply)>
      registered{};
  /// A beat of it came in, and is now worker.beat; what it needs to know goes into `reply`.
  std::function<Status(WallMs now, const WorkerRecord& worker, api::BeatReply& reply)> beat{};
  /// The revision of the fleet registry that counts for it; -1 = no word of it.
  std::function<std::int64_t(const WorkerRecord& worker)> registry_revision{};
  /// Why it gets less than it says it could do, in words for people.
  std::function<std::vector<std::string>(const WorkerRecord& worker)> troubles{};
  /// Nobody is given up for silence yet: the control plane has just started.
  std::function<bool()> is_patient{};
  /// It was forgotten.
  std::function<void(const std::string& worker_id)> removed{};
};

}  // namespace skep::control
