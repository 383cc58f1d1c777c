// Which node a command about a node means: the one of -c FILE by its socket, or one by its URL.
#pragma once

#include <string>

#include "core/cli/session.hpp"

namespace skep::cli {

/// A typed --server wins, then -c FILE (or SKEP_CONFIG), then SKEP_SERVER, then the default
/// state_dir. The file is read for its state_dir alone: what else is wrong with it does not matter,
/// and kConfig when it does not say one. "unix:/path/node.sock" or a URL.
Outcome<std::string> node_server(Session& session);
/// A client of node_server().
Outcome<Client> node_client(Session& session);
}  // namespace skep::cli
