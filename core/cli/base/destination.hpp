// Where a command's requests go. Every command asks here, so that two nodes on one host are never
// mixed up.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/cli/base/console.hpp"

namespace skep::cli {

class Invocation;

struct Destination {
  std::string server;       ///< a URL, or "unix:/path/node.sock"
  std::string origin;       ///< who said so, for messages: "from node.toml:3:1", "the default"
  std::string token_file;   ///< that of the configuration, which goes to its address alone
  std::string up_folder{};  ///< state folder of the skep up that it belongs to; "" = of none
  std::string file{};       ///< the configuration that names it, or is its own; "" = none
};

enum class Reach {
  kControlPlane,  ///< of a control plane its own listener, of a worker its control_plane_url
  kNode,          ///< the node itself: of a configuration its socket, of a skep up its first site
  kProbe,         ///< a worker itself: of its configuration its socket; else as kControlPlane
  kEvents,        ///< as kNode, but of a skep up its control plane, which hears of all
};

/// The first of these that says something: --server; -c or --set; SKEP_SERVER; SKEP_CONFIG; a
/// `skep up` that runs in ./.skep; the default. What else is wrong with a configuration does not
/// matter; kConfig when it does not say the address.
Expected<Destination> destination_of(Invocation& call, Reach reach);
/// The socket of the node that -c, --set and the environment describe, whatever --server says; with
/// neither, that of the first site of a `skep up` in ./.skep.
Expected<Destination> configured_node(Invocation& call);

/// The first URL that the control plane of this state folder said it listens on; "" = none.
std::string first_endpoint(const std::string& state_dir);

}  // namespace skep::cli
