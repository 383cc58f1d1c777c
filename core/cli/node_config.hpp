// The configuration file of a node as the commands name it: -c FILE and --set key=value.
#pragma once

#include "core/cli/session.hpp"
#include "core/config/load.hpp"

namespace skep::cli {

/// --set; -c is for every command.
std::vector<Option> config_options();
/// Reads the file of -c (or SKEP_CONFIG), the environment and --set; the warnings of a right one go
/// to `err`. Without a file it is a usage error unless `optional`.
Outcome<config::Inspected> inspect_config(Session& session, bool optional = false);
/// kConfig that lists every problem; there is at least one.
Failure config_failure(const Session& session, const std::vector<std::string>& problems);
/// What -c, the environment and --set say, unread; a usage error when --set is malformed.
Outcome<config::LoadOptions> config_source(Session& session);
/// inspect_config(), with config_failure() when there are problems.
Outcome<config::Loaded> load_config(Session& session, bool optional = false);

}  // namespace skep::cli
