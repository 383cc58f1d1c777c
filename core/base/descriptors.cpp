#include "core/base/descriptors.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace skep {
namespace {

constexpr rlim_t kSpare = 24;  ///< four tasks and what a worker opens itself, or a few connections

}  // namespace

std::string descriptor_trouble() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= 2 * kSpare) return {};
  // The lowest free one is given out: below it all are in use.
  const int fd = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  const int error = fd < 0 ? errno : EMFILE;
  if (fd >= 0) ::close(fd);
  const bool enough = fd >= 0 && static_cast<rlim_t>(fd) + kSpare < limit.rlim_cur;
  if (enough || error == EBADF) return {};
  return "too few descriptors: " + std::string(std::strerror(error)) + ", the limit is " +
         std::to_string(limit.rlim_cur) +
         "; raise LimitNOFILE or lower [worker] concurrency or [http] max_connections";
}

}  // namespace skep
