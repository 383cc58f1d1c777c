// The configuration file of a node as the commands name it: -c FILE and --set key=value.
#pragma once

#include "core/cli/session.hpp"
#include "core/config/load.hpp"

namespace skep::cli {

/// -c and --set.
std::vector<Option> config_options();
/// Loads the file of -c (or SKEP_CONFIG), the environment and --set; warnings go to `err`. Without
/// a file it is a usage error unless `optional`. kConfig lists every problem, one detail each.
Outcome<config::Loaded> load_config(Session& session, bool optional = false);

}  // namespace skep::cli
