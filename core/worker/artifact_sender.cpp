#include "core/worker/artifact_sender.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/base/fd.hpp"
#include "core/base/log.hpp"
#include "core/base/sha256.hpp"

namespace skep::worker {
namespace {

/// Bytes of another hash came together: half of them may have been somebody else's.
constexpr int kMostMismatches = 3;

/// The control plane's own word that it will not take it, or there is nothing to send any more.
bool is_final(const Error& error) {
  constexpr std::array<std::string_view, 4> kFinal{"too-large", "wrong-worker",
                                                   "artifact-file-gone", "artifact-damaged"};
  return std::find(kFinal.begin(), kFinal.end(), error.name) != kFinal.end();
}

Result<std::string> piece_at(int fd, std::int64_t offset, std::int64_t size) {
  const std::int64_t most = static_cast<std::int64_t>(api::kPieceBytes);
  std::string piece(static_cast<std::size_t>(std::min(most, size - offset)), '\0');
  std::size_t had = 0;
  while (had < piece.size()) {
    const ssize_t n = ::pread(fd, piece.data() + had, piece.size() - had,
                              static_cast<off_t>(offset) + static_cast<off_t>(had));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return errno_error("read the artifact", n < 0 ? errno : EIO);
    had += static_cast<std::size_t>(n);
  }
  return piece;
}

/// What was refused for its hash: it is damaged here, or what others sent was in between.
Error refused(int fd, const model::Artifact& artifact) {
  Sha256 hash;
  for (std::int64_t at = 0; at < artifact.size;) {
    const auto piece = piece_at(fd, at, artifact.size);
    if (!piece) return piece.error();
    hash.update(*piece);
    at += static_cast<std::int64_t>(piece->size());
  }
  if (hash.hex() == artifact.sha256)
    return unavailable("others send other bytes as " + artifact.sha256);
  return Error{Code::kCorrupt, "its bytes on this worker are not those that the task wrote",
               "artifact-damaged"};
}

}  // namespace

ArtifactSender::ArtifactSender(ArtifactSenderOptions options, std::unique_ptr<ControlPlane> control,
                               AttemptFolders& folders, Clock& clock)
    : Service("skep-artifacts"),
      options_(std::move(options)),
      control_(std::move(control)),
      folders_(folders),
      clock_(clock) {}

ArtifactSender::Job* ArtifactSender::find(const std::string& key) {
  const auto at =
      std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& j) { return j.key == key; });
  return at == jobs_.end() ? nullptr : &*at;
}

bool ArtifactSender::may_go(const PendingEnvelope& envelope) {
  const MutexLock lock(mutex_);
  if (home_.erase(envelope.key) > 0) return true;
  const std::string& label = envelope.label();
  if (Job* known = find(envelope.key)) {
    known->label = label;
    return false;
  }
  jobs_.push_back({envelope.key, label, envelope.lease, envelope.artifacts});
  work_.notify_all();
  return false;
}

std::vector<ports::Renewal> ArtifactSender::pending() const {
  const MutexLock lock(mutex_);
  std::vector<ports::Renewal> out;
  for (const Job& job : jobs_) out.push_back({job.lease, true});
  return out;
}

bool ArtifactSender::is_bringing() const {
  const MutexLock lock(mutex_);
  return std::any_of(jobs_.begin(), jobs_.end(), [](const Job& j) { return j.pause.count() == 0; });
}

void ArtifactSender::run(std::stop_token stop) {
  while (const auto job = next(stop)) {
    const Status done = bring(*job, stop);
    if (stop.stop_requested()) return;
    if (done)
      settle(*job);
    else
      retry(*job, done.error());
  }
}

/// The one that is due first, when it is due; nothing at the end.
std::optional<ArtifactSender::Job> ArtifactSender::next(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    if (jobs_.empty()) {
      work_.wait(lock, stop);
      continue;
    }
    const auto first = std::min_element(
        jobs_.begin(), jobs_.end(), [](const Job& a, const Job& b) { return a.again < b.again; });
    const MonoMs now = clock_.mono_ms();
    if (first->again <= now) return *first;
    work_.wait_for(lock, stop, Millis{first->again - now});
  }
  return std::nullopt;
}

Status ArtifactSender::bring(const Job& job, const std::stop_token& stop) {
  for (const model::Artifact& artifact : job.artifacts) {
    const Status done = bring(job, artifact, stop);
    if (!done && !is_final(done.error())) return done.error();
    if (!done)
      log::error("artifact_lost", {{"task_id", job.lease.task_id},
                                   {"artifact", artifact.name},
                                   {"error", done.error().message},
                                   {"effect", "the result goes home without it"}});
  }
  return {};
}

Status ArtifactSender::bring(const Job& job, const model::Artifact& artifact,
                             const std::stop_token& stop) {
  auto at = control_->artifact(job.lease, artifact.sha256);
  if (!at) return at.error();
  if (at->complete) return {};
  const std::string path = folders_.output_of(job.lease, artifact.sha256);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno == ENOENT)
    return Error{Code::kNotFound, path + " is gone", "artifact-file-gone"};
  if (!file) return errno_error("open " + path, errno);
  for (int mismatches = 0; !at->complete && !stop.stop_requested();) {
    const std::int64_t offset = at->received;
    const auto piece = piece_at(file.get(), offset, artifact.size);
    if (!piece) return piece.error();
    at = control_->put_artifact(job.lease, artifact, offset, *piece);
    if (at && !at->complete && at->received <= offset)
      return unavailable("the control plane does not get beyond byte " + std::to_string(offset));
    if (at) continue;
    const bool mismatch = at.error().name == "hash-mismatch";
    if (mismatch && ++mismatches == kMostMismatches) return refused(file.get(), artifact);
    if (!mismatch && at.error().name != "wrong-offset") return at.error();
    at = control_->artifact(job.lease, artifact.sha256);
    if (!at) return at.error();
  }
  return {};
}

void ArtifactSender::settle(const Job& job) {
  std::string label;
  {
    const MutexLock lock(mutex_);
    label = find(job.key)->label;
    std::erase_if(jobs_, [&](const Job& j) { return j.key == job.key; });
    home_.insert(job.key);
  }
  if (options_.ready) options_.ready(label);
}

void ArtifactSender::retry(const Job& job, const Error& error) {
  if (complaint_.due(clock_.mono_ms()))
    log::warn("artifacts_deferred", {{"task_id", job.lease.task_id},
                                     {"error", error.message},
                                     {"effect", "they and their result are kept and sent later"}});
  const MutexLock lock(mutex_);
  Job& own = *find(job.key);
  own.pause = std::clamp(own.pause * 2, options_.first_pause, options_.last_pause);
  own.again = clock_.mono_ms() + std::max(own.pause, error.retry_after).count();
}

}  // namespace skep::worker
