#include "core/plugin/services/artifact_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "core/base/file.hpp"

namespace skep::plugin {
namespace {

/// What stands in the way is this node's: another one can run the task.
Error not_here(Error error) {
  error.code = Code::kNotHere;
  return error;
}

Status make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return not_here(folder_error(path, errno));
}

}  // namespace

Result<std::shared_ptr<ArtifactFile>> ArtifactFile::open(const std::string& folder,
                                                         std::string name, std::string media_type,
                                                         std::uint64_t most) {
  const std::string out = folder + "/out";
  SKEP_TRY(make_folder(folder.substr(0, folder.rfind('/'))));
  SKEP_TRY(make_folder(folder));
  SKEP_TRY(make_folder(out));
  static std::atomic<std::uint64_t> number{0};
  std::string part = out + "/" + name + "." + std::to_string(::getpid()) + "-" +
                     std::to_string(++number) + ".part";
  UniqueFd file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return not_here(errno_error("open " + part, errno));
  return std::make_shared<ArtifactFile>(
      out, std::move(part), model::Artifact{std::move(name), std::move(media_type), 0, {}}, most,
      std::move(file));
}

ArtifactFile::ArtifactFile(std::string folder, std::string part, model::Artifact what,
                           std::uint64_t most, UniqueFd file)
    : folder_(std::move(folder)),
      part_(std::move(part)),
      most_(most),
      what_(std::move(what)),
      file_(std::move(file)) {}

ArtifactFile::~ArtifactFile() {
  if (!finished_) ::unlink(part_.c_str());
}

Status ArtifactFile::write(std::string_view bytes) {
  const MutexLock lock(mutex_);
  if (failed_) failed_ = put(bytes);
  return failed_;
}

Status ArtifactFile::put(std::string_view bytes) {
  if (bytes.size() > most_ - std::min(most_, static_cast<std::uint64_t>(what_.size)))
    return Error{Code::kInvalid,
                 "artifact " + what_.name + ": the task may leave " + std::to_string(most_) +
                     " bytes ([worker] task_artifacts_mb and artifacts_mb of the node)",
                 "too-large"};
  hash_.update(bytes);
  what_.size += static_cast<std::int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return not_here(errno_error("write artifact " + what_.name, errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<model::Artifact> ArtifactFile::finish() {
  const MutexLock lock(mutex_);
  if (!failed_) return failed_.error();
  what_.sha256 = hash_.hex();
  const std::string path = folder_ + "/" + what_.sha256;
  if (::rename(part_.c_str(), path.c_str()) != 0)
    return not_here(errno_error("rename " + part_, errno));
  finished_ = true;
  return what_;
}

}  // namespace skep::plugin
