#include "folder.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace spool {
namespace {

constexpr int kTries = 3;

/// Runs `write`, to the spool at `path`, until it works. A full disk is not tried again: it does
/// not get better by itself.
template <class Write>
void with_tries(const std::string& path, Write&& write) {
  for (int attempt = 1;; ++attempt) {
    try {
      write();
      return;
    } catch (const skep::Fault& fault) {
      const bool full = fault.code() == SKEP_E_NO_MEMORY;
      if (attempt < kTries && !full) continue;
      throw skep::Fault(fault.code(),
                        "the spool " + path + ": " + fault.what() +
                            (full ? "; make room on its disk: df -h " : "; see ls -ld ") + path);
    }
  }
}

/// Makes what is missing of `dir`, down to itself, and the names durable.
void make_folders(const std::filesystem::path& dir) {
  if (dir.empty() || ::access(dir.c_str(), F_OK) == 0) return;
  make_folders(dir.parent_path());
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST)
    throw io_fault("make the folder " + dir.string(), errno);
  const auto above = dir.has_parent_path() ? dir.parent_path().string() : std::string(".");
  const Fd fd(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) sync_folder(fd.get(), above);
}

void take_lock(int fd, const std::string& path) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &whole) == 0) return;
  if (errno != EAGAIN && errno != EACCES) throw io_fault("lock " + path, errno);
  char holder[64] = {};
  const ssize_t n = ::pread(fd, holder, sizeof(holder) - 1, 0);
  const std::string who = n > 0 ? "process " + printable({holder, static_cast<std::size_t>(n)})
                                : std::string("another process");
  throw skep::Fault(SKEP_E_STATE, "the spool " + path + " is in use by " + who +
                                      "; give this worker its own [spool] dir or stop the other");
}

void remove_leftovers(int tmp) {
  for (const std::string& name : list_folder(tmp))
    if (::unlinkat(tmp, name.c_str(), 0) != 0 && errno != EISDIR)
      throw io_fault("remove " + printable(name), errno);
}

}  // namespace

std::string folder_path(const std::string& dir) {
  std::string path = std::filesystem::absolute(dir).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

skep::Fault gone(const std::string& path, bool replaced) {
  return {SKEP_E_UNAVAILABLE, "the spool folder " + path +
                                  (replaced ? " is no folder any more" : " is gone") +
                                  "; move it back, or make it again with mode 700"};
}

std::uint64_t free_bytes(const std::string& path) {
  struct statvfs fs {};
  if (::statvfs((path + "/.").c_str(), &fs) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) throw gone(path, errno == ENOTDIR);
    throw io_fault("ask for the free space of the spool folder " + path, errno);
  }
  return static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
}

void try_to_write(const std::string& path) {
  const std::string file = path + "/.probe";
  const std::string page(4096, 'x');      // a block, so that a quota shows
  ::unlinkat(AT_FDCWD, file.c_str(), 0);  // left by a process that was killed
  const Fd fd(
      ::openat(AT_FDCWD, file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  const ssize_t n = fd ? ::write(fd.get(), page.data(), page.size()) : -1;
  const int error = n < 0 ? errno : ENOSPC;
  if (fd) ::unlinkat(AT_FDCWD, file.c_str(), 0);
  if (n == static_cast<ssize_t>(page.size())) return;
  throw skep::Fault(SKEP_E_UNAVAILABLE, "the spool " + path +
                                            ": make a file: " + std::strerror(error) +
                                            "; see ls -ld, df -h and df -i " + path);
}

void Folder::open(const std::string& at) {
  path = at;
  make_folders(path);
  root = open_folder(AT_FDCWD, path);
  struct stat st {};
  if (::fstat(root.get(), &st) != 0) throw io_fault("examine the folder " + path, errno);
  device = st.st_dev;
  inode = st.st_ino;
  lock = Fd(::openat(root.get(), ".lock", O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) throw io_fault("open " + path + "/.lock", errno);
  take_lock(lock.get(), path);
  rewrite(lock.get(), std::to_string(::getpid()));
  tmp = open_folder(root.get(), ".tmp");
  batches = open_folder(root.get(), ".batch");
  remove_leftovers(tmp.get());
  aside.open(root.get());
  marker.open(root.get());
  sync_folder(root.get(), path);
}

void Folder::close() {
  if (root) marker.clear();
  lock = Fd();
  tmp = Fd();
  batches = Fd();
  root = Fd();
}

bool Folder::is_at_its_path() const {
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0) return st.st_dev == device && st.st_ino == inode;
  return errno != ENOENT && errno != ENOTDIR;
}

void Folder::write_item(const std::string& name, std::string_view sealed) {
  with_tries(path, [&] {
    ::unlinkat(tmp.get(), name.c_str(), 0);  // left by a try that failed to rename
    write_new(tmp.get(), name, sealed);
    if (!rename_new(tmp.get(), name, root.get(), name)) ::unlinkat(tmp.get(), name.c_str(), 0);
  });
}

void Folder::write_batch(const std::string& file, std::string_view bytes) {
  with_tries(path, [&] {
    write_new(batches.get(), file, bytes);
    try {
      sync_folder(batches.get(), ".batch");
    } catch (...) {
      ::unlinkat(batches.get(), file.c_str(), 0);
      throw;
    }
  });
}

}  // namespace spool
