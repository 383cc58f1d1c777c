#include "core/trust/replace_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/base/fd.hpp"
#include "core/base/id.hpp"

namespace skep::trust {

Status create_file(const std::string& path, std::string_view text, mode_t mode) {
  const UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd && errno == EEXIST)
    return Error{Code::kState, path + " is there already", "exists", "choose another name"};
  if (!fd) return errno_error("make " + path, errno);
  bool ok = ::fchmod(fd.get(), mode) == 0;  // whatever the umask says
  while (ok && !text.empty()) {
    const auto n = ::write(fd.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    ok = n >= 0;
    if (ok) text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (ok && ::fsync(fd.get()) == 0) return Status();
  const int failed = errno;
  ::unlink(path.c_str());  // best effort: half a file is of no use
  return errno_error("write " + path, failed);
}

Status replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string temp = path + ".tmp-" + random_hex(4);
  SKEP_TRY(create_file(temp, text, mode));
  if (::rename(temp.c_str(), path.c_str()) == 0) return Status();
  const int failed = errno;
  ::unlink(temp.c_str());  // best effort, as above
  return errno_error("rename " + temp + " to " + path, failed);
}

}  // namespace skep::trust
