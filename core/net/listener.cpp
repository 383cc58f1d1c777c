#include "core/net/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>

#include "core/base/log.hpp"
#include "core/base/text.hpp"

namespace skep::net {
namespace {

using asio::ip::tcp;
using Endpoint = asio::generic::stream_protocol::endpoint;

Error bad_listen(const std::string& text, const std::string& why) {
  return config_error("http.listen \"" + text + "\": " + why)
      .with_next("write an IP address and a port, such as 127.0.0.1:9595 or [::1]:9595");
}

Result<tcp::endpoint> parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad_listen(text, "it has no port");
  const std::optional<std::int64_t> port = to_int(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) return bad_listen(text, "the port is not 0 to 65535");
  std::string host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error || address.is_v6() != bracketed) return bad_listen(text, "that is no IP address");
  return tcp::endpoint(address, static_cast<std::uint16_t>(*port));
}

Error bind_error(const std::string& text, const boost::system::error_code& error) {
  const std::string doing = "listen on " + text;
  if (error == asio::error::address_in_use)
    return unavailable(doing + ": another process listens there")
        .with_next("find it with: ss -ltnp 'sport = :" + text.substr(text.rfind(':') + 1) +
                   "', or change http.listen");
  if (error == boost::system::errc::address_not_available)
    return config_error(doing + ": this machine has no such address")
        .with_next("list its addresses with: ip -brief address");
  return errno_error(doing, error.value());
}

tcp::endpoint to_tcp(const Endpoint& from) {
  tcp::endpoint out;
  std::memcpy(out.data(), from.data(), std::min(from.size(), out.capacity()));
  return out;
}

sockaddr_storage to_storage(const Endpoint& from) {
  sockaddr_storage out{};
  std::memcpy(&out, from.data(), std::min(from.size(), sizeof(out)));
  return out;
}

std::string text_of(const tcp::endpoint& e) {
  const std::string host = e.address().to_string();
  return (e.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(e.port());
}

std::string unix_peer(int fd) {
  ucred who{};
  socklen_t size = sizeof(who);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return "unix";
  return "unix:pid " + std::to_string(who.pid);
}

/// Asio opens sockets without close-on-exec; no child of this process may hold one.
void close_on_exec(int fd) {
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) log::warn("http_cloexec_failed", {{"errno", errno}});
}

/// At a path where nothing is.
Status listen_at(Listener::Acceptor& acceptor, const std::string& path) {
  const auto fitting = SocketPath::open(path);
  if (!fitting) return fitting.error();
  boost::system::error_code error;
  acceptor.open(asio::local::stream_protocol(), error);
  if (error) return errno_error("listen on " + path, error.value());
  close_on_exec(acceptor.native_handle());
  // bind() gives the file the mode of the socket: it is never wider, not even for a moment.
  if (::fchmod(acceptor.native_handle(), 0600) != 0) return errno_error("listen on " + path, errno);
  acceptor.bind(asio::local::stream_protocol::endpoint(fitting->text()), error);
  if (!error) acceptor.listen(Listener::Acceptor::max_listen_connections, error);
  if (error) return errno_error("listen on " + path, error.value());
  return {};
}

}  // namespace

Result<Listener> listen_tcp(asio::io_context& io, const std::string& text, bool has_tokens) {
  const Result<tcp::endpoint> wanted = parse_listen(text);
  if (!wanted) return wanted.error();
  const bool loopback = wanted->address().is_loopback();
  if (!loopback && !has_tokens)
    return config_error("http.listen \"" + text +
                        "\" is reachable from other machines and no token is configured")
        .with_next("set http.token_file, or listen on 127.0.0.1");
  Listener out{Listener::Acceptor(asio::make_strand(io)), "", loopback};
  boost::system::error_code error;
  out.acceptor.open(wanted->protocol(), error);
  if (!error) close_on_exec(out.acceptor.native_handle());
  if (!error) out.acceptor.set_option(Listener::Acceptor::reuse_address(true), error);
  if (!error && wanted->address().is_v6()) out.acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) out.acceptor.bind(*wanted, error);
  if (!error) out.acceptor.listen(Listener::Acceptor::max_listen_connections, error);
  if (error) return bind_error(text, error);
  out.url = "http://" + text_of(to_tcp(out.acceptor.local_endpoint()));
  return out;
}

Result<Listener> listen_unix(asio::io_context& io, const std::string& path) {
  const auto fitting = SocketPath::open(path);
  if (!fitting) return fitting.error();  // before its lock is made
  auto claim = SocketClaim::claim(path);
  if (!claim) return claim.error();
  Listener out{Listener::Acceptor(asio::make_strand(io)), "unix:" + path, true};
  out.claim.emplace(std::move(*claim));
  SKEP_TRY(listen_at(out.acceptor, path));
  return out;
}

Status listen_anew(Listener& listener) {
  Listener::Acceptor fresh(listener.acceptor.get_executor());
  SKEP_TRY(listen_at(fresh, listener.claim->path()));
  boost::system::error_code error;
  const int fd = fresh.release(error);
  if (!error) listener.acceptor.close(error);
  if (!error) listener.acceptor.assign(asio::local::stream_protocol(), fd, error);
  if (error) return errno_error("listen on " + listener.claim->path(), error.value());
  return {};
}

Result<Peer> greet(const Listener& listener, Socket& socket, const Endpoint& from,
                   PeerIdentity& identity) {
  close_on_exec(socket.native_handle());
  boost::system::error_code error;
  socket.non_blocking(true, error);
  if (!error && !listener.is_unix()) socket.set_option(tcp::no_delay(true), error);
  if (error) return errno_error("accept", error.value());
  Peer peer;
  if (listener.is_unix()) {
    peer.text = unix_peer(socket.native_handle());
    peer.own_socket = true;
    peer.uid = identity.of_unix(socket.native_handle());
    return peer;
  }
  const tcp::endpoint at = to_tcp(from);
  peer.address = at.address();
  peer.text = text_of(at);
  peer.loopback_listener = listener.loopback;
  if (listener.loopback) peer.uid = identity.of_tcp(socket.native_handle(), to_storage(from));
  return peer;
}

}  // namespace skep::net
