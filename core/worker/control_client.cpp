#include "core/worker/control_client.hpp"

#include "core/base/json.hpp"
#include "core/base/text.hpp"

namespace skep::worker {
namespace {

constexpr std::size_t kDetailBytes = 300;

Code code_of(int status) {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return Code::kInvalid;
    case 401:
    case 403:
      return Code::kDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kState;
    case 429:
      return Code::kBusy;
    default:
      return Code::kUnavailable;
  }
}

Millis retry_after(const net::ClientResponse& response) {
  const auto header = response.headers.find("retry-after");
  if (header == response.headers.end()) return Millis{0};
  const auto seconds = to_int(header->second);
  return seconds && *seconds > 0 && *seconds <= 3600 ? Millis{*seconds * 1000} : Millis{0};
}

/// The "detail" of a problem document, or the start of whatever came.
std::string detail(const net::ClientResponse& response) {
  const auto body = parse_json(response.body);
  std::string text = body && body->is_object() ? get_string(body->get_object(), "detail") : "";
  return text.empty() ? response.body.substr(0, kDetailBytes) : text;
}

bool is_success(int status) { return status >= 200 && status < 300; }

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

Endpoints::Endpoints(std::vector<std::string> urls, std::string token)
    : urls_([&] {
        for (std::string& url : urls) url = without_slash(std::move(url));
        return std::move(urls);
      }()),
      token_(std::move(token)) {}

void Endpoints::failed(std::size_t index) {
  current_.compare_exchange_strong(index, (index + 1) % urls_.size());
}

ControlClient::ControlClient(std::string worker_id, Endpoints& endpoints,
                             const std::atomic<bool>& abort, Millis timeout)
    : worker_id_(std::move(worker_id)), endpoints_(endpoints), abort_(abort), timeout_(timeout) {}

Result<net::ClientResponse> ControlClient::send(std::string_view method, std::string_view path,
                                                std::string body, Millis timeout) {
  const std::size_t endpoint = endpoints_.current();
  net::ClientRequest request;
  request.method = std::string(method);
  request.url = endpoints_.url(endpoint) + std::string(path);
  if (!body.empty()) request.headers = {"Content-Type: application/json"};
  if (!endpoints_.token().empty())
    request.headers.push_back("Authorization: Bearer " + endpoints_.token());
  request.body = std::move(body);
  request.timeout = timeout;
  request.aborted = [this] { return abort_.load(); };
  auto response = http_.send(request);
  if (!response && response.error().code != Code::kCancelled) endpoints_.failed(endpoint);
  return response;
}

Result<net::ClientResponse> ControlClient::call(std::string_view method, std::string_view path,
                                                std::string body, Millis timeout) {
  auto response = send(method, path, std::move(body), timeout);
  if (!response || is_success(response->status)) return response;
  Error error;
  error.code = code_of(response->status);
  error.message = std::string(method) + " " + endpoints_.url() + std::string(path) + ": status " +
                  std::to_string(response->status) + ": " + detail(*response);
  error.retry_after = retry_after(*response);
  return error;
}

Result<api::RegistrationReply> ControlClient::register_worker(const api::Registration& request) {
  auto response = call("POST", "/api/workers/register", api::encode(request), timeout_);
  if (!response) return response.error();
  return api::decode_registration_reply(response->body);
}

Result<api::ClaimReply> ControlClient::claim(const api::ClaimRequest& request) {
  const auto hold = Millis{static_cast<std::int64_t>(request.wait_seconds * 1000)};
  auto response =
      call("POST", "/api/workers/" + worker_id_ + "/claim", api::encode(request), timeout_ + hold);
  if (!response) return response.error();
  return api::decode_claim_reply(response->body);
}

Status ControlClient::release(const api::ReleaseRequest& request) {
  SKEP_TRY(call("POST", "/api/workers/" + worker_id_ + "/release", api::encode(request), timeout_));
  return {};
}

Result<api::DesiredArtifacts> ControlClient::artifacts() {
  auto response = call("GET", "/api/workers/" + worker_id_ + "/artifacts", {}, timeout_);
  if (!response) return response.error();
  return api::decode_desired_artifacts(response->body);
}

Result<std::string> ControlClient::artifact_chunk(const std::string& sha256, std::int64_t index) {
  auto response = call("GET", "/api/registry/blobs/" + sha256 + "?chunk=" + std::to_string(index),
                       {}, timeout_);
  if (!response) return response.error();
  return std::move(response->body);
}

Result<Submission> ControlClient::submit(const std::vector<std::string>& envelopes) {
  auto response = send("POST", "/api/workers/results", api::encode(envelopes), timeout_);
  if (!response) return response.error();
  Submission out;
  out.status = response->status;
  out.retry_after = retry_after(*response);
  auto acks = api::decode_acks(response->body);
  if (is_success(out.status) && acks)
    out.acks = std::move(*acks);
  else
    out.detail = detail(*response);
  return out;
}

}  // namespace skep::worker
