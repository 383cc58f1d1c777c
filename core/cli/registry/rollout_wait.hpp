// Waiting until the workers that a release is meant for run it.
#pragma once

#include <string>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

std::string release_path(const std::string& name, std::string_view rest = {});

/// Says on `err` how far the release is whenever that changes. Returns the release's document once
/// every online worker that is meant to have the release runs it, and there is one. kFailed when
/// one cannot or it is rolled back, kDeadline after `limit` (0 = none), kCancelled when
/// interrupted.
Expected<json::value> wait_for_rollout(Client& api, const Console& console, const std::string& name,
                                       std::int64_t release, Millis limit);

/// The same as the end of a command: 0, 9 when a worker cannot run it or it was rolled back.
Expected<int> exit_with_rollout(Client& api, const Console& console, const std::string& name,
                                std::int64_t release, Millis limit);

}  // namespace skep::cli
