#include "core/net/unix_socket.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace skep::net {
namespace {

constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;

/// Locks the whole file for this process; the pid of the process that has it, or 0.
pid_t lock_holder(int fd) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_SETLK, &lock) == 0) return 0;
  if (::fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return -1;
  return lock.l_pid;
}

}  // namespace

Result<SocketPath> SocketPath::open(const std::string& path) {
  SocketPath out;
  out.text_ = path;
  if (path.size() <= kLongest) return out;
  const std::filesystem::path whole(path);
  out.folder_.reset(::open(whole.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!out.folder_) return errno_error("open " + whole.parent_path().string(), errno);
  out.text_ =
      "/proc/self/fd/" + std::to_string(out.folder_.get()) + "/" + whole.filename().string();
  if (out.text_.size() > kLongest)
    return invalid("socket " + path + ": its file name is longer than a socket's may be")
        .with_next("choose a name below 80 bytes");
  return out;
}

Result<SocketClaim> SocketClaim::claim(const std::string& path) {
  const std::string lock_path = path + ".lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return errno_error("open " + lock_path, errno);
  if (const pid_t holder = lock_holder(lock.get()); holder != 0)
    return Error{Code::kState,
                 path + " is served by another process" +
                     (holder > 0 ? " (pid " + std::to_string(holder) + ")" : ""),
                 "socket-in-use", "stop it, or give this node another [node] state_dir"};
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return errno_error("remove " + path, errno);
  return SocketClaim(std::move(lock), path);
}

bool SocketClaim::is_gone() const {
  struct stat info {};
  return ::lstat(path_.c_str(), &info) != 0 && errno == ENOENT;
}

SocketClaim::~SocketClaim() {
  if (lock_) ::unlink(path_.c_str());
}

}  // namespace skep::net
