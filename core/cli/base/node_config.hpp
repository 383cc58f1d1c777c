// The configuration file of a node as the commands name it: -c FILE and --set key=value.
#pragma once

#include "core/cli/base/invocation.hpp"
#include "core/config/load.hpp"

namespace skep::cli {

/// --set; -c is for every command.
std::vector<Option> config_options();
/// Reads the file of -c (or SKEP_CONFIG), the environment and --set; the warnings of a right one go
/// to `err`. Unless `optional` it must say what the node is: a file with any key in it, or, from
/// variables and --set alone, its roles or its control plane; a usage error or a problem otherwise.
Expected<config::Inspected> inspect_config(Invocation& call, bool optional = false);
/// kConfig that lists every problem; there is at least one.
Failure config_failure(const Invocation& call, const std::vector<std::string>& problems);
/// What -c, the environment and --set say, unread; a usage error when --set is malformed.
Expected<config::LoadOptions> config_source(Invocation& call);
/// inspect_config(), with config_failure() when there are problems.
Expected<config::Loaded> load_config(Invocation& call, bool optional = false);

}  // namespace skep::cli
