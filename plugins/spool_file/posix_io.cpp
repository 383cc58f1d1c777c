#include "posix_io.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace spool {
namespace {

struct CloseDir {
  void operator()(DIR* d) const { ::closedir(d); }
};

void write_all(int fd, std::string_view bytes, const std::string& doing) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw io_fault(doing, n < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

Read bad(std::string reason) { return {Read::Kind::kBad, {}, std::move(reason)}; }

Read unread(const char* what, int error_number) {
  return {Read::Kind::kUnread,
          {},
          std::string(what) + ": " + std::strerror(error_number),
          error_number};
}

/// Why `name` was not opened.
Read not_opened(int dir, const std::string& name, int error_number) {
  if (error_number == ENOENT) return {Read::Kind::kGone};
  struct stat st {};
  const bool known = ::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (known && S_ISLNK(st.st_mode)) return bad("it is a symbolic link");
  if (known && !S_ISREG(st.st_mode)) return bad("it is not a regular file");
  return unread("it cannot be opened", error_number);
}

Read read_to_end(int fd, std::size_t size) {
  Read out{Read::Kind::kOk, std::string(size, '\0')};
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd, out.bytes.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unread("it cannot be read", errno);
    if (n == 0) return unread("it got shorter while it was read", EIO);
    done += static_cast<std::size_t>(n);
  }
  return out;
}

}  // namespace

skep::Fault io_fault(const std::string& doing, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
  return skep::Fault(full ? SKEP_E_NO_MEMORY : SKEP_E_UNAVAILABLE,
                     doing + ": " + std::strerror(error_number));
}

Fd open_folder(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST)
    throw io_fault("make the folder " + name, errno);
  Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw io_fault("open the folder " + name, errno);
  return fd;
}

void write_new(int dir, const std::string& name, std::string_view bytes) {
  const std::string doing = "write " + name;
  Fd fd(::openat(dir, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) throw io_fault(doing, errno);
  try {
    write_all(fd.get(), bytes, doing);
    if (::fsync(fd.get()) != 0) throw io_fault("sync " + name, errno);
    if (::close(fd.release()) != 0) throw io_fault("close " + name, errno);
  } catch (...) {
    ::unlinkat(dir, name.c_str(), 0);
    throw;
  }
}

void sync_folder(int dir, const std::string& what) {
  if (::fsync(dir) != 0) throw io_fault("sync the folder " + what, errno);
}

void rewrite(int fd, std::string_view bytes) {
  if (::ftruncate(fd, 0) != 0 || ::lseek(fd, 0, SEEK_SET) != 0)
    throw io_fault("rewrite a marker file", errno);
  write_all(fd, bytes, "write a marker file");
}

Read read_regular(int dir, const std::string& name, std::size_t cap) {
  const Fd fd(::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return not_opened(dir, name, errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return unread("it cannot be examined", errno);
  if (!S_ISREG(st.st_mode)) return bad("it is not a regular file");
  const auto size = static_cast<std::uint64_t>(st.st_size);
  if (size > cap)
    return bad("it is " + std::to_string(size) + " bytes long; at most " + std::to_string(cap) +
               " are read");
  return read_to_end(fd.get(), static_cast<std::size_t>(size));
}

std::vector<std::string> list_folder(int dir) {
  Fd fd(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw io_fault("list the spool", errno);
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(fd.get()));
  if (!stream) throw io_fault("list the spool", errno);
  fd.release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) throw io_fault("list the spool", errno);
    if (entry == nullptr) return names;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

std::optional<struct stat> stat_entry(int dir, const std::string& name) {
  struct stat st {};
  if (::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return st;
  if (errno == ENOENT) return std::nullopt;
  throw io_fault("examine " + printable(name), errno);
}

bool is_shortage(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM ||
         error_number == ENOBUFS;
}

bool rename_new(int from_dir, const std::string& from, int to_dir, const std::string& to) {
  if (::renameat2(from_dir, from.c_str(), to_dir, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  // Some network file systems know no RENAME_NOREPLACE; a link does not replace either.
  if (errno == EINVAL && ::linkat(from_dir, from.c_str(), to_dir, to.c_str(), 0) == 0) {
    if (::unlinkat(from_dir, from.c_str(), 0) != 0)
      throw io_fault("unlink " + printable(from), errno);
    return true;
  }
  if (errno == EEXIST) return false;
  throw io_fault("rename " + printable(from), errno);
}

std::string printable(std::string_view name) {
  std::string out;
  for (const char c : name) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

}  // namespace spool
