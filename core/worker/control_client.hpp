// ControlPlane over HTTP, with failover between several control planes of one database.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/http.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/credential.hpp"

namespace skep::worker {

/// The control planes of a worker and what it proves itself with there, shared by its loops: all
/// stay with one until it fails. [any]
class Endpoints {
 public:
  Endpoints(std::vector<std::string> urls, Credential& credential);
  std::size_t current() const { return current_; }
  const std::string& url(std::size_t index) const { return urls_[index % urls_.size()]; }
  const std::string& url() const { return url(current_); }
  Credential& credential() const { return credential_; }
  /// What a person can do about an exchange that ended so.
  std::string advice(Code code) const;
  /// `index` did not answer: move on, unless another loop already did.
  void failed(std::size_t index);

 private:
  const std::vector<std::string> urls_;
  Credential& credential_;
  std::atomic<std::size_t> current_{0};
};

class ControlClient final : public ControlPlane {
 public:
  /// `endpoints` and `abort` outlive the client.
  ControlClient(std::string worker_id, Endpoints& endpoints, const std::atomic<bool>& abort,
                Millis timeout = Millis{10'000});
  Result<api::RegistrationReply> register_worker(const api::Registration& request) override;
  Result<api::ClaimReply> claim(const api::ClaimRequest& request) override;
  Status release(const api::ReleaseRequest& request) override;
  Result<api::DesiredReleases> releases() override;
  Result<std::string> release_chunk(const std::string& sha256, std::int64_t index) override;
  Result<api::BlobProgress> artifact(const model::Lease& lease, const std::string& sha256) override;
  Result<api::BlobProgress> put_artifact(const model::Lease& lease, const model::Artifact& artifact,
                                         std::int64_t offset, std::string_view bytes) override;
  Status input(const model::Lease& lease, const std::string& sha256, std::int64_t offset,
               const std::function<bool()>& aborted,
               const std::function<bool(std::string_view)>& take) override;
  Result<Submission> submit(const std::vector<std::string>& envelopes) override;

 private:
  struct Call;
  Result<api::RegistrationReply> register_with(const std::string& token,
                                               const api::Registration& request);
  Call post(const std::string& path, std::string body, Millis timeout) const;
  Call get(const std::string& path) const;
  Result<net::ClientResponse> send(const Call& call);
  /// What `decode` makes of a 2xx answer that is addressed to `to`, or the error that it means.
  template <class Decode>
  auto ask(const Call& call, const api::Addressee& to, Decode&& decode) -> decltype(decode({}));
  /// Of an answer about one content, whose error bears the problem's own code.
  Result<api::BlobProgress> progress(const Call& call, const std::string& sha256);
  Error refused(const Call& call, const api::Addressee& to, const net::ClientResponse& response);

  const std::string worker_id_;
  Endpoints& endpoints_;
  const std::atomic<bool>& abort_;
  const Millis timeout_;
  net::HttpClient http_;
};

}  // namespace skep::worker
