#include "core/base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/base/fd.hpp"

namespace skep {
namespace {

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_error("write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<std::string> read_to_end(int fd, const std::string& path, std::size_t cap) {
  std::string out;
  std::array<char, 64 << 10> chunk;
  for (;;) {
    const auto got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read " + path, errno);
    if (got == 0) return out;
    out.append(chunk.data(), static_cast<std::size_t>(got));
    if (out.size() > cap)
      return Error{Code::kInvalid, path + " has more than " + std::to_string(cap) + " bytes",
                   "too-large"};
  }
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

/// As create_file(), but a power cut may take its name away.
Status write_new(const std::string& path, std::string_view bytes, mode_t mode) {
  const UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd && errno == EEXIST)
    return Error{Code::kState, path + " is there already", "exists", "choose another name"};
  if (!fd) return errno_error("make " + path, errno);
  Status done = write_all(fd.get(), bytes);
  // Whatever the umask says.
  if (done && ::fchmod(fd.get(), mode) != 0) done = errno_error("chmod", errno);
  if (done && ::fsync(fd.get()) != 0) done = errno_error("fsync", errno);
  if (done) return done;
  ::unlink(path.c_str());  // best effort: half a file is of no use
  return done.error().within("write " + path);
}

}  // namespace

bool is_beneath(const std::string& path, const std::string& folder) {
  const std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
  const std::filesystem::path top = std::filesystem::path(folder).lexically_normal();
  auto at = whole.begin();
  for (const std::filesystem::path& name : top) {
    if (name.empty()) break;  // behind a slash at the end
    if (at == whole.end() || *at != name) return false;
    ++at;
  }
  return !top.empty() && at != whole.end();
}

Error folder_error(const std::string& folder, int error_number) {
  const std::string user = std::to_string(::geteuid());
  const bool refused = error_number == EACCES || error_number == EPERM;
  return errno_error("make folder " + folder + " as user id " + user, error_number)
      .with_next((refused ? "sudo install -d -m 700 -o " + user + " " + folder + "   or   " : "") +
                 "name another folder");
}

Status sync_folder(const std::string& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return errno_error("fsync " + folder, errno);
  return {};
}

Result<std::string> load_file(const std::string& path, std::size_t cap) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return errno_error("open " + path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return errno_error("stat " + path, errno);
  if (S_ISDIR(info.st_mode)) return errno_error("read " + path, EISDIR);
  if (!S_ISREG(info.st_mode)) return invalid(path + " is no regular file");
  return read_to_end(fd.get(), path, cap);
}

Result<std::string> load_input(const std::string& path, std::size_t cap) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return errno_error("open " + path, errno);
  return read_to_end(fd.get(), path, cap);
}

Status create_file(const std::string& path, std::string_view bytes, mode_t mode) {
  SKEP_TRY(write_new(path, bytes, mode));
  return sync_folder(folder_of(path));
}

Status replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string folder = folder_of(path);
  const std::string temp = folder + "." + path.substr(path.rfind('/') + 1) + ".tmp";
  ::unlink(temp.c_str());  // of a run that was cut off
  SKEP_TRY(write_new(temp, bytes, mode));
  if (::rename(temp.c_str(), path.c_str()) == 0) return sync_folder(folder);
  const int failed = errno;
  ::unlink(temp.c_str());  // best effort, as above
  return errno_error("rename " + temp + " to " + path, failed);
}

}  // namespace skep
