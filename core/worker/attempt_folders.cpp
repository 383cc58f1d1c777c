#include "core/worker/attempt_folders.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "core/base/fd.hpp"
#include "core/base/file.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"

namespace skep::worker {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSealed = "/sealed";
constexpr std::size_t kNameBytes = 32;
/// The result of one that is older went a way on which nobody can have told of it.
constexpr std::int64_t kForgottenSeconds = 30 * 86'400;
/// Of the disk, while artifacts wait there: the spool needs it for results.
constexpr std::uint64_t kLeftFree = 64u << 20;

Status make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return folder_error(path, errno);
}

Status sync_file(const std::string& path, std::int64_t size) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno_error("open " + path, errno);
  struct stat s {};
  if (::fstat(fd.get(), &s) != 0) return errno_error("look at " + path, errno);
  if (!S_ISREG(s.st_mode) || s.st_size != size)
    return Error{Code::kCorrupt, path + " is no file of " + std::to_string(size) + " bytes"};
  if (::fsync(fd.get()) != 0) return errno_error("sync " + path, errno);
  return {};
}

bool is_older(const std::string& path, std::int64_t seconds) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0 && ::time(nullptr) - s.st_mtim.tv_sec > seconds;
}

}  // namespace

AttemptFolders::AttemptFolders(std::string folder, ArtifactLimits limits)
    : folder_(std::move(folder)), limits_(limits) {}

void AttemptFolders::start() {
  if (folder_.empty()) return;
  std::error_code gone;  // no folder, nothing to do
  std::uint64_t sum = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, gone)) {
    const std::string path = entry.path().string();
    const std::string seal = path + kSealed;
    const bool sealed = ::access(seal.c_str(), F_OK) == 0;
    if (sealed && !is_older(seal, kForgottenSeconds)) {
      sum += sealed_bytes(path);
      continue;
    }
    if (sealed) log::warn("artifacts_forgotten", {{"folder", path}, {"reason", "30 days old"}});
    std::error_code failed;
    fs::remove_all(path, failed);
    if (failed) log::warn("attempt_folder_stays", {{"folder", path}, {"error", failed.message()}});
  }
  const MutexLock lock(mutex_);
  waiting_ = sum;
}

std::uint64_t AttemptFolders::sealed_bytes(const std::string& folder) const {
  std::uint64_t sum = 0;
  std::error_code gone;
  for (const fs::directory_entry& file : fs::directory_iterator(folder + "/out", gone)) {
    struct stat s {};
    if (::lstat(file.path().c_str(), &s) == 0 && S_ISREG(s.st_mode))
      sum += static_cast<std::uint64_t>(s.st_size);
  }
  return sum;
}

std::string AttemptFolders::folder_of(const model::Lease& lease) const {
  if (folder_.empty()) return {};
  return folder_ + "/" + sha256_hex(model::result_key(lease)).substr(0, kNameBytes);
}

std::string AttemptFolders::output_of(const model::Lease& lease, const std::string& sha256) const {
  return folder_of(lease) + "/out/" + sha256;
}

std::uint64_t AttemptFolders::room() const {
  const ArtifactLimits limits = limits_.get();
  const MutexLock lock(mutex_);
  return std::min(limits.task_bytes, limits.node_bytes - std::min(limits.node_bytes, waiting_));
}

Result<std::string> AttemptFolders::make_input(const model::Lease& lease,
                                               const std::string& sha256) const {
  if (folder_.empty()) return Error{Code::kNotHere, "this worker has no state_dir for inputs"};
  SKEP_TRY(make_folder(folder_));
  const std::string own = folder_of(lease);
  SKEP_TRY(make_folder(own));
  SKEP_TRY(make_folder(own + "/in"));
  return own + "/in/" + sha256;
}

Status AttemptFolders::seal(const model::Lease& lease,
                            const std::vector<model::Artifact>& artifacts) {
  const std::string own = folder_of(lease);
  std::set<std::string> contents;
  for (const model::Artifact& a : artifacts)
    if (contents.insert(a.sha256).second) SKEP_TRY(sync_file(own + "/out/" + a.sha256, a.size));
  std::error_code unread;  // what is left over goes with the rest
  for (const fs::directory_entry& file : fs::directory_iterator(own + "/out", unread))
    if (!contents.contains(file.path().filename().string())) ::unlink(file.path().c_str());
  SKEP_TRY(sync_folder(own + "/out"));
  SKEP_TRY(replace_file(own + kSealed, "", 0600));
  SKEP_TRY(sync_folder(folder_));
  std::error_code stays;  // goes with the rest
  fs::remove_all(own + "/in", stays);
  const std::uint64_t bytes = sealed_bytes(own);
  const MutexLock lock(mutex_);
  waiting_ += bytes;
  return {};
}

void AttemptFolders::drop(const model::Lease& lease) {
  const std::string own = folder_of(lease);
  if (own.empty() || ::access(own.c_str(), F_OK) != 0) return;
  const bool sealed = ::access((own + kSealed).c_str(), F_OK) == 0;
  const std::uint64_t bytes = sealed ? sealed_bytes(own) : 0;
  std::error_code failed;
  fs::remove_all(own, failed);
  if (failed) log::warn("attempt_folder_stays", {{"folder", own}, {"error", failed.message()}});
  const MutexLock lock(mutex_);
  waiting_ -= std::min(waiting_, bytes);
}

std::string AttemptFolders::trouble() const {
  std::uint64_t waiting = 0;
  {
    const MutexLock lock(mutex_);
    waiting = waiting_;
  }
  if (waiting == 0) return {};
  const std::string held = "artifacts of " + std::to_string(waiting) + " bytes wait to be sent; ";
  if (const std::uint64_t most = limits_.get().node_bytes; waiting >= most)
    return held + "[worker] artifacts_mb allows " + std::to_string(most);
  struct statvfs disk {};
  if (::statvfs(folder_.c_str(), &disk) != 0) return {};
  const std::uint64_t free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  return free >= kLeftFree ? "" : held + "their disk has " + std::to_string(free) + " bytes left";
}

}  // namespace skep::worker
