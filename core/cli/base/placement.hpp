// Where work is sent, checked against who is there.
#pragma once

#include <string>
#include <vector>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

/// Says on `err` which of these sites have no worker, and the nearest that has one. A site may get
/// its workers later, so this is no error; without an answer there is nothing to say.
void warn_of_empty_sites(const Invocation& call, Client& api,
                         const std::vector<std::string>& sites);
/// The same of a worker that has never registered.
void warn_of_unknown_worker(const Invocation& call, Client& api, const std::string& id);
/// The same of a task type that no worker serves.
void warn_of_unknown_type(const Invocation& call, Client& api, const std::string& type);
/// The same of capabilities that no known worker has.
void warn_of_unknown_capabilities(const Invocation& call, Client& api,
                                  const std::vector<std::string>& wanted);

}  // namespace skep::cli
