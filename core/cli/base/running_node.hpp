// What a running node says of a file that was just put into one of its folders.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "core/cli/base/invocation.hpp"

namespace skep::cli {

/// Asks the node of -c FILE for `route` until `verdict` finds in its answer what the node made of
/// the file, at most 15 s; `advice` when no node runs here. `list_command` is what to look at
/// later.
std::string await_uptake(Invocation& call, const std::string& route,
                         const std::function<std::string(const json::value&)>& verdict,
                         const std::string& advice, const std::string& list_command);

/// What the running node answers for `route`. Nothing, with the reason on `err`, when a file names
/// the node and it does not run; one that is named by its URL has to answer.
Expected<std::optional<json::value>> ask_running_node(Invocation& call, const std::string& route);

/// A worker tells its control plane what it can do, a moment after it can: waits for that, at most
/// 3 call, so that the next command may submit. Without a control plane in reach there is nothing
/// to wait for.
void await_task_types(Invocation& call, const std::vector<std::string>& names);

}  // namespace skep::cli
