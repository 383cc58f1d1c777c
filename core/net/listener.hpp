// Addresses that a server listens on: TCP and UNIX sockets. Private to core/net.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <optional>
#include <string>

#include "core/net/peer_identity.hpp"
#include "core/net/session.hpp"
#include "core/net/unix_socket.hpp"

namespace skep::net {

struct Listener {
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, Strand>;
  Acceptor acceptor;
  std::string url;  ///< "http://127.0.0.1:9595", "unix:/path"
  bool loopback = false;
  std::optional<SocketClaim> claim{};  ///< of a UNIX socket

  bool is_unix() const { return claim.has_value(); }
};

/// kConfig when `text` is no address, or one that other machines reach and no caller is known;
/// kUnavailable when it is taken.
Result<Listener> listen_tcp(asio::io_context& io, const std::string& text, bool has_tokens);
/// A socket file of mode 0600 at `path`, as ServerOptions::unix_socket says.
Result<Listener> listen_unix(asio::io_context& io, const std::string& path);

/// The same of one whose file was removed, which nobody could reach: it gets a new one. Whoever
/// waits to accept hears operation_aborted, and waits anew. On an error it is as before. [its
/// strand]
Status listen_anew(Listener& listener);

/// Readies an accepted socket and says who is at its other end; an error when it left already.
Result<Peer> greet(const Listener& listener, Socket& socket,
                   const asio::generic::stream_protocol::endpoint& from, PeerIdentity& identity);

}  // namespace skep::net
