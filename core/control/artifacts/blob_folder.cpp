#include "core/control/artifacts/blob_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/api/desired_releases.hpp"
#include "core/base/file.hpp"

namespace skep::control {
namespace {

constexpr std::string_view kPart = ".part";
/// Uploads whose hash so far is kept; one beyond is hashed anew from its file when it goes on.
constexpr std::size_t kMostUploads = 128;
/// What one question hashes of what an earlier process received.
constexpr std::uint64_t kHashedAtOnce = 64u << 20;
constexpr std::size_t kHashBuffer = 256u << 10;
/// An upload that got nothing for so long keeps nobody out who names another size.
constexpr std::int64_t kAbandonedMs = 60'000;

/// An errno says nothing of the content: who sends it comes again.
Error io_error(const std::string& doing, int errnum) {
  Error error = errno_error(doing, errnum);
  if (error.code != Code::kNoMemory) error.code = Code::kUnavailable;
  return error;
}

Result<std::uint64_t> size_of(int fd) {
  struct stat s {};
  if (::fstat(fd, &s) != 0) return io_error("look at an artifact", errno);
  return static_cast<std::uint64_t>(s.st_size);
}

Status write_at(int fd, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("write an artifact", errno);
    offset += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Error no_room(const std::string& why) {
  return Error{
      Code::kNoMemory, "no room for artifacts: " + why, "artifacts-full",
      "make room on the disk of the control plane, or see [control] artifacts_quota_mb and "
      "artifacts_free_mb"};
}

std::int64_t idle_ms_of(const struct stat& s) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return (now.tv_sec - s.st_mtim.tv_sec) * 1'000;
}

}  // namespace

/// One content on its way. Its own lock is held while a piece is hashed and written.
struct BlobFolder::Upload {
  Upload(UniqueFd part, std::uint64_t here) : file(std::move(part)), received(here) {}
  Mutex mutex;
  UniqueFd file SKEP_GUARDED_BY(mutex);
  Sha256 hash SKEP_GUARDED_BY(mutex);
  std::uint64_t hashed SKEP_GUARDED_BY(mutex) = 0;
  std::uint64_t received SKEP_GUARDED_BY(mutex) = 0;
  bool over SKEP_GUARDED_BY(mutex) = false;  ///< whole, or dropped
  std::atomic<std::uint64_t> size{0};        ///< 0 = nobody has said
  std::atomic<std::uint64_t> missing{0};
  std::uint64_t used = 0;  ///< of the folder's lock

  /// True when all that is there is hashed.
  Result<bool> hash_more() SKEP_REQUIRES(mutex) {
    std::string buffer;
    for (std::uint64_t done = 0; hashed < received && done < kHashedAtOnce;) {
      buffer.resize(std::min<std::uint64_t>(kHashBuffer, received - hashed));
      const ssize_t n =
          ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(hashed));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return io_error("read an artifact", n < 0 ? errno : EIO);
      hash.update({buffer.data(), static_cast<std::size_t>(n)});
      hashed += static_cast<std::uint64_t>(n);
      done += static_cast<std::uint64_t>(n);
    }
    return hashed == received;
  }

  Status write(std::string_view bytes) SKEP_REQUIRES(mutex) {
    SKEP_TRY(write_at(file.get(), received, bytes));
    // So that the last piece does not wait for the disk to take all of them.
    ::sync_file_range(file.get(), static_cast<off_t>(received), static_cast<off_t>(bytes.size()),
                      SYNC_FILE_RANGE_WRITE);
    hash.update(bytes);
    received += bytes.size();
    hashed = received;
    missing = size - received;
    return {};
  }

  /// From its first byte on; what was there is forgotten. How many bytes that was.
  Result<std::uint64_t> begin_anew() SKEP_REQUIRES(mutex) {
    if (::ftruncate(file.get(), 0) != 0) return io_error("empty an artifact", errno);
    hash = Sha256();
    hashed = 0;
    size = 0;
    missing = 0;
    return std::exchange(received, 0);
  }

  /// All of it is here: gives it its name, when it has the right hash.
  Status finish(const std::string& sha256, const std::string& part, const std::string& path)
      SKEP_REQUIRES(mutex) {
    over = hash.hex() != sha256;
    if (over) {
      ::unlink(part.c_str());
      return Error{Code::kInvalid, "what came has SHA-256 " + hash.hex() + ", not " + sha256,
                   "hash-mismatch", "send it again from its first byte"};
    }
    if (::fsync(file.get()) != 0) return io_error("sync " + part, errno);
    if (::rename(part.c_str(), path.c_str()) != 0) return io_error("rename " + part, errno);
    over = true;
    return {};
  }
};

BlobFolder::BlobFolder(std::string folder, BlobLimits limits)
    : folder_(std::move(folder)), limits_(limits) {}
BlobFolder::~BlobFolder() = default;

Status BlobFolder::load() {
  std::uint64_t sum = 0;
  for (const Held& held : this->held()) sum += held.size;
  const MutexLock lock(mutex_);
  bytes_ = sum;
  return {};
}

std::uint64_t BlobFolder::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

bool BlobFolder::has(const std::string& sha256) const {
  return api::is_sha256(sha256) && ::access(path_of(sha256).c_str(), F_OK) == 0;
}

/// Its size, when it is here; it is as good as new then.
Result<BlobFolder::Progress> BlobFolder::whole(const std::string& sha256) {
  const MutexLock lock(mutex_);
  struct stat s {};
  if (::lstat(path_of(sha256).c_str(), &s) != 0)
    return errno == ENOENT ? Error{Code::kNotFound, "no content " + sha256}
                           : io_error("look at " + path_of(sha256), errno);
  if (::utimensat(AT_FDCWD, path_of(sha256).c_str(), nullptr, 0) != 0)
    return io_error("touch " + path_of(sha256), errno);
  return Progress{sha256, static_cast<std::int64_t>(s.st_size), true};
}

Result<BlobFolder::UploadRef> BlobFolder::upload(const std::string& sha256, bool make) {
  const MutexLock lock(mutex_);
  if (const auto known = uploads_.find(sha256); known != uploads_.end()) {
    known->second->used = ++uses_;
    return known->second;
  }
  if (make && ::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
    return io_error("make " + folder_, errno);
  UniqueFd fd(::open(part_of(sha256).c_str(),
                     O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0600));
  if (!fd && !make && errno == ENOENT) return Error{Code::kNotFound, "no content " + sha256};
  if (!fd) return io_error("open " + part_of(sha256), errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return Error{Code::kBusy, "another control plane receives this content", "busy", "",
                 Millis{1'000}};
  struct stat s {};
  if (::fstat(fd.get(), &s) != 0) return io_error("look at " + part_of(sha256), errno);
  if (s.st_nlink == 0) return Error{Code::kBusy, "it has just ended", "busy", "", Millis{1}};
  auto fresh = std::make_shared<Upload>(std::move(fd), static_cast<std::uint64_t>(s.st_size));
  fresh->used = ++uses_;
  while (uploads_.size() >= kMostUploads) {
    const auto oldest = std::min_element(
        uploads_.begin(), uploads_.end(),
        [](const auto& a, const auto& b) { return a.second->used < b.second->used; });
    uploads_.erase(oldest);
  }
  uploads_.emplace(sha256, fresh);
  return fresh;
}

/// An upload has ended; `dropped` bytes of it are gone.
void BlobFolder::settle(const std::string& sha256, std::uint64_t dropped) {
  const MutexLock lock(mutex_);
  uploads_.erase(sha256);
  bytes_ -= std::min(bytes_, dropped);
}

Result<BlobFolder::Progress> BlobFolder::progress(const std::string& sha256) {
  if (auto there = whole(sha256); there || there.error().code != Code::kNotFound) return there;
  const auto found = upload(sha256, false);
  if (!found && found.error().code == Code::kNotFound) return Progress{sha256, 0, false};
  if (!found) return found.error();
  Upload& u = **found;
  const MutexLock lock(u.mutex);
  const auto all = u.hash_more();
  if (!all) return all.error();
  if (!*all)
    return Error{Code::kBusy, "what came of it before is being hashed", "busy", "", Millis{1}};
  return Progress{sha256, static_cast<std::int64_t>(u.received), false};
}

/// Room for what is missing of it, and of the others that are on their way.
Status BlobFolder::has_room(const std::string& sha256, std::uint64_t missing) const {
  const BlobLimits limits = limits_.get();
  std::uint64_t kept = 0;
  std::uint64_t promised = missing;
  {
    const MutexLock lock(mutex_);
    kept = bytes_;
    for (const auto& [name, other] : uploads_)
      if (name != sha256) promised += other->missing;
  }
  if (limits.quota_bytes > 0 && kept + promised > limits.quota_bytes)
    return no_room(std::to_string(kept) + " of " + std::to_string(limits.quota_bytes) +
                   " bytes are taken, and " + std::to_string(promised) + " are to come");
  struct statvfs disk {};
  if (::statvfs(folder_.c_str(), &disk) != 0) return io_error("look at " + folder_, errno);
  const std::uint64_t free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free < limits.free_bytes + promised)
    return no_room("the disk has " + std::to_string(free) + " bytes left, " +
                   std::to_string(limits.free_bytes) + " stay free, and " +
                   std::to_string(promised) + " are to come");
  return {};
}

/// The bytes stay for the next try, which opens them anew: the folder may be another by then.
void BlobFolder::let_go(const std::string& sha256) {
  const MutexLock lock(mutex_);
  uploads_.erase(sha256);
}

Result<BlobFolder::Progress> BlobFolder::append(const std::string& sha256, std::uint64_t size,
                                                std::uint64_t offset, std::string_view bytes) {
  if (auto there = whole(sha256); there || there.error().code != Code::kNotFound) return there;
  if (const std::uint64_t most = limits_.get().blob_bytes; size > most)
    return Error{
        Code::kInvalid,
        "it has " + std::to_string(size) + " bytes; at most " + std::to_string(most) + " are taken",
        "too-large", "[control] artifact_mb of the control plane is the limit"};
  if (bytes.size() > size || offset > size - bytes.size())
    return invalid("these bytes end after its size, " + std::to_string(size)).named("bad-range");
  const auto found = upload(sha256, true);
  if (!found) return found.error();
  Upload& u = **found;
  const MutexLock lock(u.mutex);
  const auto all = u.over ? Result<bool>(false) : u.hash_more();
  if (!all) return all.error();
  if (!*all)
    return Error{Code::kBusy, "what came of it before is being hashed", "busy", "", Millis{1}};
  if (size < u.received || (u.size > 0 && u.size != size)) {
    // One of the two is wrong, and nobody knows which: who is at it goes on, and the hash will
    // tell.
    struct stat s {};
    if (::fstat(u.file.get(), &s) != 0) return io_error("look at " + part_of(sha256), errno);
    if (const std::int64_t idle = idle_ms_of(s); idle < kAbandonedMs)
      return Error{Code::kBusy,
                   "somebody else sends it with another size than " + std::to_string(size), "busy",
                   "", Millis{kAbandonedMs - std::max<std::int64_t>(idle, 0)}};
    const auto gone = u.begin_anew();
    if (!gone) return gone.error();
    const MutexLock inside(mutex_);
    bytes_ -= std::min(bytes_, *gone);
  }
  if (offset > u.received)
    return Error{
        Code::kState,
        "byte " + std::to_string(u.received) + " is the next, not " + std::to_string(offset),
        "wrong-offset"};
  bytes.remove_prefix(std::min<std::uint64_t>(bytes.size(), u.received - offset));
  if (!bytes.empty()) {
    if (const Status room = has_room(sha256, size - u.received); !room) {
      u.over = room.error().code == Code::kUnavailable;
      if (u.over) let_go(sha256);
      return room.error();
    }
    u.size = size;
    if (const Status done = u.write(bytes); !done)
      return done.error().code == Code::kNoMemory ? no_room(done.error().message) : done.error();
    const MutexLock inside(mutex_);
    bytes_ += bytes.size();
  }
  if (u.received < size) return Progress{sha256, static_cast<std::int64_t>(u.received), false};
  const Status done = u.finish(sha256, part_of(sha256), path_of(sha256));
  if (!done && !u.over) {
    u.over = true;
    let_go(sha256);
    return done.error();
  }
  settle(sha256, done ? 0 : u.received);
  if (!done) return done.error();
  SKEP_TRY(sync_folder(folder_));
  return Progress{sha256, static_cast<std::int64_t>(u.received), true};
}

Result<BlobFolder::Blob> BlobFolder::open(const std::string& sha256) const {
  UniqueFd fd(api::is_sha256(sha256)
                  ? ::open(path_of(sha256).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                  : -1);
  if (!fd)
    return Error{Code::kNotFound, "the bytes of this artifact are not on this control plane",
                 "artifact-gone"};
  const auto size = size_of(fd.get());
  if (!size) return size.error();
  return Blob{std::move(fd), *size};
}

std::vector<BlobFolder::Held> BlobFolder::held() const {
  struct Closer {
    void operator()(DIR* d) const { ::closedir(d); }
  };
  std::vector<Held> out;
  const std::unique_ptr<DIR, Closer> dir(::opendir(folder_.c_str()));
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    std::string name(entry->d_name);
    const bool part = name.ends_with(kPart);
    if (part) name.resize(name.size() - kPart.size());
    struct stat s {};
    if (!api::is_sha256(name) ||
        ::fstatat(::dirfd(dir.get()), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    out.push_back({std::move(name), !part, idle_ms_of(s), static_cast<std::uint64_t>(s.st_size)});
  }
  return out;
}

bool BlobFolder::remove(const Held& what, std::int64_t idle_ms) {
  const MutexLock lock(mutex_);
  const std::string path = what.whole ? path_of(what.sha256) : part_of(what.sha256);
  struct stat s {};
  if (::lstat(path.c_str(), &s) != 0 || idle_ms_of(s) < idle_ms) return false;
  if (::unlink(path.c_str()) != 0) return false;
  bytes_ -= std::min(bytes_, static_cast<std::uint64_t>(s.st_size));
  if (!what.whole) uploads_.erase(what.sha256);
  return true;
}

}  // namespace skep::control
