#include "core/net/peer_identity.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/text.hpp"

namespace skep::net {
namespace {

constexpr timeval kPatience{0,
                            100'000};  ///< the kernel answers within the request; never waited for
constexpr uid_t kNobody = 65534;

uid_t overflow_uid() {
  const auto text = read_file("/proc/sys/kernel/overflowuid", 64);
  const auto number = text ? to_int(trim(*text)) : std::nullopt;
  return number ? static_cast<uid_t>(*number) : kNobody;
}

UniqueFd open_netlink() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (fd && ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience)) != 0)
    fd.reset();
  return fd;
}

bool is_established(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_state == TCP_ESTABLISHED;
}

}  // namespace

/// One end of a connection; an IPv4 address that comes as IPv6 is IPv4.
struct PeerIdentity::End {
  std::uint8_t family = AF_UNSPEC;
  std::array<std::uint32_t, 4> address{};  ///< network order, as the port
  std::uint16_t port = 0;
  std::uint32_t scope = 0;

  End() = default;
  /// `at` has 16 bytes, of which IPv4 means the first four.
  End(std::uint8_t its_family, const void* at, std::uint16_t its_port)
      : family(its_family), port(its_port) {
    constexpr std::size_t kV4 = sizeof(in_addr);
    std::memcpy(address.data(), at, family == AF_INET ? kV4 : sizeof(address));
    if (family != AF_INET6 || address[0] != 0 || address[1] != 0 || address[2] != htonl(0xffff))
      return;
    family = AF_INET;
    address = {address[3], 0, 0, 0};
  }
  bool is_same(const End& other) const {
    return family == other.family && address == other.address && port == other.port;
  }
};

struct PeerIdentity::Answer {
  uid_t uid = 0;
  bool is_owned = false;  ///< of an established socket that a process has
};

PeerIdentity::PeerIdentity() : overflow_(overflow_uid()), netlink_(open_netlink()) {}

PeerIdentity::End PeerIdentity::end_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    return {AF_INET, &v4.sin_addr, v4.sin_port};
  }
  if (address.ss_family != AF_INET6) return {};
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof(v6));
  End end(AF_INET6, &v6.sin6_addr, v6.sin6_port);
  if (end.family == AF_INET6) end.scope = v6.sin6_scope_id;
  return end;
}

/// The socket whose own end is `peer`. Nothing when there is none, or the kernel speaks of another.
std::optional<PeerIdentity::Answer> PeerIdentity::ask(const End& peer, const End& us,
                                                      std::uint32_t interface) {
  struct {
    nlmsghdr head;
    inet_diag_req_v2 what;
  } request{};
  const MutexLock lock(mutex_);
  request.head.nlmsg_len = sizeof(request);
  request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.head.nlmsg_flags = NLM_F_REQUEST;
  request.head.nlmsg_seq = ++sequence_;
  request.what.sdiag_family = peer.family;
  request.what.sdiag_protocol = IPPROTO_TCP;
  request.what.idiag_states = ~0u;
  inet_diag_sockid& id = request.what.id;
  id.idiag_sport = peer.port;
  id.idiag_dport = us.port;
  std::memcpy(id.idiag_src, peer.address.data(), sizeof(id.idiag_src));
  std::memcpy(id.idiag_dst, us.address.data(), sizeof(id.idiag_dst));
  id.idiag_if = interface;
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (::send(netlink_.get(), &request, sizeof(request), 0) < 0) return std::nullopt;

  alignas(nlmsghdr) std::array<char, 8192> buffer;
  for (;;) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof(from);
    const ssize_t got = ::recvfrom(netlink_.get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
    nlmsghdr head{};
    std::memcpy(&head, buffer.data(), sizeof(head));
    // An answer that came too late for the one who asked, or from a process.
    if (from.nl_pid != 0 || head.nlmsg_seq != sequence_) continue;
    inet_diag_msg said{};
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || head.nlmsg_len < NLMSG_LENGTH(sizeof(said)) ||
        got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(said))))
      return std::nullopt;
    std::memcpy(&said, buffer.data() + NLMSG_HDRLEN, sizeof(said));
    // For a connection that is no more the kernel may answer with a listener.
    const inet_diag_sockid& its = said.id;
    if (!peer.is_same({said.idiag_family, its.idiag_src, its.idiag_sport}) ||
        !us.is_same({said.idiag_family, its.idiag_dst, its.idiag_dport}))
      return std::nullopt;
    return Answer{said.idiag_uid, said.idiag_state == TCP_ESTABLISHED && said.idiag_inode != 0};
  }
}

std::optional<uid_t> PeerIdentity::look_up(int fd, const sockaddr_storage& from) {
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) return std::nullopt;
  const End peer = end_of(from);
  const End us = end_of(own);
  if (peer.family == AF_UNSPEC || peer.family != us.family) return std::nullopt;
  auto answer = ask(peer, us, us.scope);
  // A client that is bound to the device is found by its number only.
  if (!answer && us.scope == 0) answer = ask(peer, us, ::if_nametoindex("lo"));
  if (!answer || !answer->is_owned || !is_established(fd)) return std::nullopt;
  return answer->uid;
}

std::optional<uid_t> PeerIdentity::known(uid_t uid) const {
  return uid == overflow_ ? std::nullopt : std::optional(uid);
}

std::optional<uid_t> PeerIdentity::of_tcp(int fd, const sockaddr_storage& from) {
  const auto uid = look_up(fd, from);
  return uid ? known(*uid) : std::nullopt;
}

std::optional<uid_t> PeerIdentity::of_unix(int fd) const {
  ucred who{};
  socklen_t size = sizeof(who);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
  return known(who.uid);
}

Status PeerIdentity::probe() {
  const auto failed = [](const char* doing) { return errno_error(doing, errno); };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener || !client) return failed("open a socket");
  if (::bind(listener.get(), generic, size) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), generic, &size) != 0 ||
      ::connect(client.get(), generic, size) != 0)
    return failed("connect to ourselves on 127.0.0.1");
  sockaddr_storage from{};
  size = sizeof(from);
  const UniqueFd accepted(
      ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC));
  if (!accepted) return failed("accept our own connection");
  if (look_up(accepted.get(), from) == ::geteuid()) return {};
  return unavailable("the kernel does not say whose a connection is (sock_diag)");
}

}  // namespace skep::net
