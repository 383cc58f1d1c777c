#include "core/supervise/ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "core/base/fd.hpp"
#include "core/base/text.hpp"

namespace skep::supervise {
namespace {

/// 0, or the errno of bind().
int try_bind(const std::string& host, std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const int on = 1;
  // As the server does: a port whose last connections linger is free.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return errno;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return EINVAL;
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                            : errno;
}

}  // namespace

Result<std::optional<std::string>> first_taken(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    const std::size_t colon = address.rfind(':');
    const auto port = to_int(address.substr(colon + 1)).value_or(0);
    const int problem = try_bind(address.substr(0, colon), static_cast<std::uint16_t>(port));
    if (problem == EADDRINUSE) return std::optional<std::string>(address);
    if (problem != 0) return errno_error("bind " + address, problem);
  }
  return std::optional<std::string>();
}

}  // namespace skep::supervise
