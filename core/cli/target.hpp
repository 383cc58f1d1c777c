// Where a command's requests go. Every command asks here, so that two nodes on one host are never
// mixed up.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/cli/console.hpp"

namespace skep::cli {

class Session;

struct Target {
  std::string server;      ///< a URL, or "unix:/path/node.sock"
  std::string origin;      ///< who said so, for messages: "from node.toml:3:1", "the default"
  std::string token_file;  ///< that of the configuration, which goes to its address alone
};

enum class Reach {
  kControlPlane,  ///< of a control plane its own listener, of a worker its control_plane_url
  kNode,          ///< the node itself: of a configuration its socket
};

/// The first of these that says something: --server; -c or --set; SKEP_SERVER; SKEP_CONFIG; a
/// `skep up` that runs in ./.skep; the default. What else is wrong with a configuration does not
/// matter; kConfig when it does not say the address.
Outcome<Target> target_of(Session& session, Reach reach);
/// The socket of the node that -c, --set and the environment describe, whatever --server says.
Outcome<Target> configured_node(Session& session);

}  // namespace skep::cli
