#include "core/base/writable.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/fd.hpp"

namespace skep {

Status check_writable(const std::string& folder) {
  const std::string file = folder + "/.probe." + std::to_string(::getpid());
  const std::string page(4096, 'x');  // a block, so that a disk with none left shows
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  const ssize_t n = fd ? ::write(fd.get(), page.data(), page.size()) : -1;
  const int error = n < 0 ? errno : ENOSPC;
  if (fd) ::unlink(file.c_str());
  if (n == static_cast<ssize_t>(page.size())) return {};
  return Error{Code::kUnavailable, "write in " + folder + ": " + std::strerror(error)};
}

}  // namespace skep
