// Waiting until the workers that a release is meant for run it.
#pragma once

#include <string>
#include <vector>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

std::string release_path(const std::string& name, std::string_view rest = {});

/// Of which workers somebody waits to hear that they run what they are meant to run of a name.
struct Awaited {
  std::int64_t release = 0;  ///< those that are meant to run this one; 0 = ..
  /// .. those that one of these was for, and which are meant to run another one now.
  std::vector<const json::object*> former{};
};

/// Says on `err` how far they are whenever that changes. Returns the document of the name once
/// every one of them that is online does, and there is one. kFailed when one cannot or the release
/// is rolled back, kDeadline after `limit` (0 = none), kCancelled when interrupted.
Expected<json::value> wait_for_rollout(Client& api, const Console& console, const std::string& name,
                                       const Awaited& awaited, Millis limit);

/// The same as the end of a command: 0, 9 when a worker cannot run it or it was rolled back.
Expected<int> exit_with_rollout(Client& api, const Console& console, const std::string& name,
                                const Awaited& awaited, Millis limit);

}  // namespace skep::cli
