// Which local user is at the other end of a connection, as the kernel says. Private to core/net.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"

namespace skep::net {

/// Any doubt means that nobody knows. A client may have gone and left its port to somebody else
/// while its bytes can still be read, and the kernel calls the owner of a closed socket uid 0: so
/// both ends must be established, ours after the other one was looked at. [any]
class PeerIdentity {
 public:
  PeerIdentity();
  /// Who made the socket at the other end of `fd`, just accepted; `from` is what accept() said of
  /// it. Some microseconds, whatever else is open. Never the overflow uid ("nobody"): it is shared,
  /// and in a user namespace it stands for everybody who is not mapped.
  std::optional<uid_t> of_tcp(int fd, const sockaddr_storage& from);
  /// The same of a UNIX socket: who called connect().
  std::optional<uid_t> of_unix(int fd) const;
  /// Whether of_tcp() can know anything here, tried with a connection of our own.
  Status probe();

 private:
  struct End;
  struct Answer;
  static End end_of(const sockaddr_storage& address);
  std::optional<uid_t> look_up(int fd, const sockaddr_storage& from);
  std::optional<Answer> ask(const End& peer, const End& us, std::uint32_t interface);
  std::optional<uid_t> known(uid_t uid) const;

  const uid_t overflow_;
  Mutex mutex_;
  UniqueFd netlink_ SKEP_GUARDED_BY(mutex_);
  std::uint32_t sequence_ SKEP_GUARDED_BY(mutex_) = 0;
};

}  // namespace skep::net
