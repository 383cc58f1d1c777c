// The control plane as a worker's loops see it. ControlClient speaks HTTP; tests script their own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/api/artifact_json.hpp"
#include "core/api/wire.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::worker {

/// The answer to a POST of results, whatever its status and whoever gave it.
struct Submission {
  int status = 0;
  std::vector<api::Ack> acks;  ///< empty unless the body was a list of acks
  Millis retry_after{0};
  std::string detail;     ///< what the body said, shortened, and who said it
  bool is_skeps = false;  ///< acks, or a problem document of skep
};

/// One conversation: an instance serves one thread. Errors that mean what they say come from the
/// control plane alone, in an answer addressed to this process: kNotFound this worker is not known
/// (register), kState another process has its id, kInvalid the request is refused; and kDenied the
/// token is refused or this process of the worker is, kCancelled given up by us. Everything else,
/// and every answer of a stranger, means try again (kUnavailable, kBusy, kDeadline).
class ControlPlane {
 public:
  virtual ~ControlPlane() = default;
  virtual Result<api::RegistrationReply> register_worker(const api::Registration& request) = 0;
  virtual Result<api::ClaimReply> claim(const api::ClaimRequest& request) = 0;
  virtual Status release(const api::ReleaseRequest& request) = 0;
  /// What this worker is meant to have of the registry, and a part of one of them.
  virtual Result<api::DesiredReleases> releases() = 0;
  virtual Result<std::string> release_chunk(const std::string& sha256, std::int64_t index) = 0;
  /// How much of an artifact of an attempt is there; and the piece of it that begins at `offset`,
  /// at most api::kPieceBytes. kInvalid, kNotFound and "wrong-worker": it is never taken;
  /// "hash-mismatch" and "wrong-offset": ask again how much is there.
  virtual Result<api::BlobProgress> artifact(const model::Lease& lease,
                                             const std::string& sha256) = 0;
  virtual Result<api::BlobProgress> put_artifact(const model::Lease& lease,
                                                 const model::Artifact& artifact,
                                                 std::int64_t offset, std::string_view bytes) = 0;
  /// What a task is to read, from `offset` to its end as it comes, until `take` returns false or
  /// `aborted` true. The hash proves the bytes, whoever sent them.
  virtual Status input(const model::Lease& lease, const std::string& sha256, std::int64_t offset,
                       const std::function<bool()>& aborted,
                       const std::function<bool(std::string_view)>& take) = 0;
  /// An error only when no HTTP answer came.
  virtual Result<Submission> submit(const std::vector<std::string>& envelopes) = 0;
};

/// Makes a conversation whose requests take `timeout` at most (a long poll its hold more) and end
/// early once `abort` is set; `abort` outlives it.
using ControlPlaneFactory =
    std::function<std::unique_ptr<ControlPlane>(const std::atomic<bool>& abort, Millis timeout)>;

}  // namespace skep::worker
