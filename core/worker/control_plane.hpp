// The control plane as a worker's loops see it. ControlClient speaks HTTP; tests script their own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/api/wire.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::worker {

/// The answer to a POST of results, whatever its status.
struct Submission {
  int status = 0;
  std::vector<api::Ack> acks;  ///< empty unless the body was a list of acks
  Millis retry_after{0};
  std::string detail;  ///< what the body said, shortened
};

/// One conversation: an instance serves one thread. Errors of register, claim and release:
/// kNotFound this worker is not known (register), kState a newer process has its id, kDenied the
/// token is refused, kInvalid the request is refused, kCancelled given up by us, everything else
/// means try again (kUnavailable, kBusy, kDeadline).
class ControlPlane {
 public:
  virtual ~ControlPlane() = default;
  virtual Result<api::RegistrationReply> register_worker(const api::Registration& request) = 0;
  virtual Result<api::ClaimReply> claim(const api::ClaimRequest& request) = 0;
  virtual Status release(const api::ReleaseRequest& request) = 0;
  /// What this worker is meant to have of the registry, and a part of one of them.
  virtual Result<api::DesiredArtifacts> artifacts() = 0;
  virtual Result<std::string> artifact_chunk(const std::string& sha256, std::int64_t index) = 0;
  /// An error only when no HTTP answer came.
  virtual Result<Submission> submit(const std::vector<std::string>& envelopes) = 0;
};

/// Makes a conversation whose requests take `timeout` at most (a long poll its hold more) and end
/// early once `abort` is set; `abort` outlives it.
using ControlPlaneFactory =
    std::function<std::unique_ptr<ControlPlane>(const std::atomic<bool>& abort, Millis timeout)>;

}  // namespace skep::worker
