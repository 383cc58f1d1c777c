#include "core/proc/io.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace skep::proc {
namespace {

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return shortage_error("keep the child's input in memory", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

Error shortage_error(std::string_view doing, int error_number) {
  Error out = errno_error(doing, error_number);
  constexpr std::array kShort{EMFILE, ENFILE, ENOMEM, EAGAIN, ENOBUFS, ENOSPC};
  if (std::find(kShort.begin(), kShort.end(), error_number) != kShort.end())
    out.code = Code::kNotHere;
  return out;
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return shortage_error("make a pipe", errno);
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK) != 0) return errno_error("make a pipe", errno);
  return pipe;
}

Result<UniqueFd> make_stdin(std::string_view bytes) {
  if (bytes.empty()) {
    UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null) return shortage_error("open /dev/null", errno);
    return null;
  }
  UniqueFd fd(memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return shortage_error("keep the child's input in memory", errno);
  SKEP_TRY(write_all(fd.get(), bytes));
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0 || lseek(fd.get(), 0, SEEK_SET) != 0)
    return errno_error("keep the child's input in memory", errno);
  return fd;
}

}  // namespace skep::proc
