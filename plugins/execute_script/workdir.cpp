#include "workdir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "skep/json.hpp"
#include "skep/plugin.hpp"

namespace skep::script {
namespace {

constexpr std::string_view kPrefix = "skep-script-";
constexpr const char* kOwners = "home";

/// No script could run here now, and none has begun.
[[noreturn]] void give_up(const std::string& doing, int error) {
  throw Fault(SKEP_E_NOT_HERE, doing + ": " + std::strerror(error));
}

int remove_one(const char* path, const struct stat*, int type, FTW*) {
  // A folder that the script made unreadable is opened up once more by nobody: it stays, and is
  // told.
  return type == FTW_DP || type == FTW_D ? rmdir(path) : unlink(path);
}

/// Never follows a link and never leaves the file system: a script may have mounted something.
bool remove_tree(const std::string& path) {
  constexpr int kOpenFolders = 16;
  struct stat s {};
  const std::string owners = path + "/" + kOwners;
  // By descriptors: another user, who may still be about, can move things but lead us nowhere.
  std::error_code ec;  // what is left is found below
  if (lstat(owners.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid != geteuid())
    std::filesystem::remove_all(owners, ec);
  return nftw(path.c_str(), remove_one, kOpenFolders, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0;
}

int open_locked(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  struct stat s {};
  const bool ours = fstat(fd, &s) == 0 && s.st_uid == geteuid();
  if (ours && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &s) == 0 && s.st_nlink > 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

WorkDir::WorkDir(const std::string& parent, const std::optional<Owner>& owner) : owner_(owner) {
  make(parent);
  start_ = path_;
  if (!owner_) return;
  try {
    give_to_owner();
  } catch (const Fault&) {
    remove_tree(path_);
    close(fd_);
    throw;
  }
}

void WorkDir::give_to_owner() {
  start_ = path_ + "/" + kOwners;
  if (fchmod(fd_, 0711) != 0 || mkdirat(fd_, kOwners, 0700) != 0 ||
      fchownat(fd_, kOwners, owner_->uid, owner_->gid, AT_SYMLINK_NOFOLLOW) != 0)
    give_up("make a folder of another user in " + path_, errno);
}

void WorkDir::make(const std::string& parent) {
  constexpr int kTries = 5;  // another process may take a fresh folder for a stale one
  for (int i = 0; i < kTries && fd_ < 0; ++i) {
    path_ = parent + "/" + std::string(kPrefix) + "XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) give_up("make a private folder in " + parent, errno);
    fd_ = open_locked(path_);
  }
  if (fd_ < 0) give_up("lock a private folder in " + parent, errno);
}

WorkDir::~WorkDir() {
  if (!remove_tree(path_)) {
    const int error = errno;
    Json fields;
    fields.set("path", path_).set("error", std::strerror(error));
    log(SKEP_LOG_WARN, "script_workdir_left", fields.dump());
  }
  close(fd_);
}

std::string WorkDir::make_folder(const char* name) const {
  std::string path = start_ + "/" + name;
  if (mkdir(path.c_str(), 0700) != 0) give_up("make " + path, errno);
  if (owner_ && lchown(path.c_str(), owner_->uid, owner_->gid) != 0)
    give_up("hand over " + path, errno);
  return path;
}

std::string WorkDir::write(const char* name, std::string_view text) const {
  std::string path = path_ + "/" + name;
  const int fd = openat(fd_, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) give_up("write " + path, errno);
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      close(fd);
      give_up("write " + path, error);
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (owner_ && (fchown(fd, owner_->uid, owner_->gid) != 0 || fchmod(fd, 0400) != 0)) {
    const int error = errno;
    close(fd);
    give_up("hand over " + path, error);
  }
  if (close(fd) != 0) give_up("write " + path, errno);
  return path;
}

int remove_stale(const std::string& parent) {
  struct Closer {
    void operator()(DIR* d) const { closedir(d); }
  };
  const std::unique_ptr<DIR, Closer> dir(opendir(parent.c_str()));
  if (!dir) return 0;  // the first run will say what is wrong with it
  int removed = 0;
  while (const dirent* entry = readdir(dir.get())) {
    if (!std::string_view(entry->d_name).starts_with(kPrefix)) continue;
    const std::string path = parent + "/" + entry->d_name;
    const int fd = open_locked(path);
    if (fd < 0) continue;  // in use, or not ours
    removed += remove_tree(path);
    close(fd);
  }
  return removed;
}

}  // namespace skep::script
