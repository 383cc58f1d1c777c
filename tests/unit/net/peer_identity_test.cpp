#include "core/net/peer_identity.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>

namespace skep::net::test {
namespace {

constexpr uid_t kStranger = 65533;
constexpr uid_t kOverflow = 65534;

sockaddr_storage loopback(const char* ip, std::uint16_t port) {
  sockaddr_storage out{};
  if (std::strchr(ip, ':') == nullptr) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET, ip, &v4->sin_addr), 1);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET6, ip, &v6->sin6_addr), 1);
  }
  return out;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size), 0);
  return ntohs(reinterpret_cast<sockaddr_in*>(&own)->sin_port);  // at the same place in both
}

/// A client that connects from `from` (0 = any port) and no later than the call.
UniqueFd dial(const char* ip, std::uint16_t port, std::uint16_t from = 0) {
  sockaddr_storage to = loopback(ip, port);
  UniqueFd fd(::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  sockaddr_storage own = loopback("127.0.0.1", from);
  if (from != 0) {
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&own), sizeof(sockaddr_in)), 0);
  }
  const socklen_t size = to.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size) == 0 ? std::move(fd)
                                                                          : UniqueFd();
}

class PeerIdentityTest : public ::testing::Test {
 protected:
  struct Accepted {
    UniqueFd fd;
    sockaddr_storage from{};
  };

  void SetUp() override {
    if (const Status known = identity_.probe(); !known) GTEST_SKIP() << known.error().message;
    listen_on("127.0.0.1");
  }
  void listen_on(const char* ip) {
    sockaddr_storage own = loopback(ip, 0);
    listener_.reset(::socket(own.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int off = 0;
    if (own.ss_family == AF_INET6)
      ::setsockopt(listener_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    const socklen_t size = own.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&own), size), 0);
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
    port_ = port_of(listener_.get());
  }
  Accepted accept() {
    Accepted out;
    socklen_t size = sizeof(out.from);
    out.fd.reset(
        ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&out.from), &size, SOCK_CLOEXEC));
    return out;
  }
  std::optional<uid_t> of(const Accepted& a) { return identity_.of_tcp(a.fd.get(), a.from); }

  /// A child of another user runs `act`, then stays until done().
  void as(uid_t uid, const std::function<void()>& act) {
    ASSERT_EQ(::pipe(pipe_), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::close(pipe_[1]);
      if (::setresuid(uid, uid, uid) != 0) ::_exit(1);
      act();
      char byte = 0;
      [[maybe_unused]] const auto end = ::read(pipe_[0], &byte, 1);
      ::_exit(0);
    }
    ::close(pipe_[0]);
  }
  void done() {
    ::close(pipe_[1]);
    int status = 0;
    ASSERT_EQ(::waitpid(child_, &status, 0), child_);
    EXPECT_EQ(status, 0);
  }

  PeerIdentity identity_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  int pipe_[2] = {-1, -1};
  pid_t child_ = -1;
};

TEST_F(PeerIdentityTest, knows_whose_a_connection_is) {
  const UniqueFd client = dial("127.0.0.1", port_);
  EXPECT_EQ(of(accept()), ::geteuid());
}

TEST_F(PeerIdentityTest, knows_it_over_ipv6_and_of_ipv4_in_it) {
  listen_on("::");
  for (const char* ip : {"::1", "127.0.0.1", "::ffff:127.0.0.1"}) {
    const UniqueFd client = dial(ip, port_);
    if (!client && std::string_view(ip) == "::1") GTEST_SKIP() << "no IPv6 here";
    EXPECT_EQ(of(accept()), ::geteuid()) << ip;
  }
}

TEST_F(PeerIdentityTest, whoever_has_gone_is_nobody) {  // the kernel calls him uid 0
  enum class End { kClosed, kHalf, kReset };
  for (const End end : {End::kClosed, End::kHalf, End::kReset}) {
    UniqueFd client = dial("127.0.0.1", port_);
    const Accepted at = accept();
    const linger at_once{1, 0};
    if (end == End::kReset)
      ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    if (end == End::kHalf)
      ::shutdown(client.get(), SHUT_WR);
    else
      client.reset();
    EXPECT_EQ(of(at), std::nullopt) << static_cast<int>(end);
  }
}

TEST_F(PeerIdentityTest, knows_other_users_but_not_the_one_who_stands_for_many) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  as(kStranger, [&] { static const UniqueFd client = dial("127.0.0.1", port_); });
  EXPECT_EQ(of(accept()), kStranger);
  done();
  as(kOverflow, [&] { static const UniqueFd client = dial("127.0.0.1", port_); });
  EXPECT_EQ(of(accept()), std::nullopt);
  done();
}

TEST_F(PeerIdentityTest, takes_no_user_for_the_one_who_had_the_port_before) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  std::uint16_t theirs = 0;
  as(kStranger, [&] {
    UniqueFd client = dial("127.0.0.1", port_);
    const linger at_once{1, 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    if (::send(client.get(), "evil", 4, MSG_NOSIGNAL) != 4) ::_exit(2);
  });
  const Accepted stranger = accept();
  theirs = ntohs(reinterpret_cast<const sockaddr_in&>(stranger.from).sin_port);
  done();  // its end resets the connection, and what it sent can still be read
  const UniqueFd ours = dial("127.0.0.1", port_, theirs);
  ASSERT_TRUE(ours);
  EXPECT_EQ(of(stranger), std::nullopt);
  EXPECT_EQ(of(accept()), ::geteuid());
}

TEST_F(PeerIdentityTest, a_listener_on_the_port_is_no_peer) {
  const UniqueFd client = dial("127.0.0.1", port_);
  Accepted at = accept();
  at.from = loopback("127.0.0.1", port_);
  EXPECT_EQ(of(at), std::nullopt);
}

TEST(PeerIdentityOfUnixSockets, is_who_connected) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const UniqueFd one(pair[0]);
  const UniqueFd other(pair[1]);
  EXPECT_EQ(PeerIdentity().of_unix(one.get()), ::geteuid());
  EXPECT_EQ(PeerIdentity().of_unix(-1), std::nullopt);
}

}  // namespace
}  // namespace skep::net::test
