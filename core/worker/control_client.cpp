#include "core/worker/control_client.hpp"

#include <algorithm>

#include "core/api/worker_refusals.hpp"
#include "core/base/duration.hpp"
#include "core/base/json.hpp"
#include "core/base/utf8.hpp"

namespace skep::worker {
namespace {

constexpr std::size_t kDetailBytes = 300;

/// What a refusal means that is addressed to us.
Code code_of(int status, const std::string& problem) {
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
      if (problem == api::kWorkerIdConflict) return Code::kState;
      return api::refuses_worker(problem) ? Code::kDenied : Code::kUnavailable;
    default:
      return Code::kUnavailable;
  }
}

/// What a refusal means that came before the request was read, or from a stranger's hand.
Code code_of_unread(int status, bool is_skeps) {
  if (is_skeps && (status == 401 || status == 403)) return Code::kDenied;
  return status == 429 ? Code::kBusy : Code::kUnavailable;
}

Millis retry_after(const net::ClientResponse& response) {
  const auto header = response.headers.find("retry-after");
  return header == response.headers.end() ? Millis{0} : parse_retry_after(header->second);
}

std::string printable_start(std::string_view body) {
  return to_utf8(clip_utf8(body, kDetailBytes));
}

/// What a stranger at `url` said.
std::string stranger(const std::string& url, const net::ClientResponse& response) {
  return "no control plane of skep answers at " + url + ", but something that says: status " +
         std::to_string(response.status) + ": " + printable_start(response.body);
}

/// What a control plane said to `request`.
std::string said(const std::string& request, int status, const api::Refusal& refusal) {
  return request + ": status " + std::to_string(status) + ": " + refusal.detail;
}

/// What a person has to hear of two tokens that did not help: both, the first one first.
Error with_second(Error error, const Error& second) {
  if (!error.message.ends_with(second.message))
    error.message += "; with another token: " + second.message;
  if (error.next.empty()) error.next = second.next;
  error.retry_after = std::max(error.retry_after, second.retry_after);
  return error;
}

/// Names the attempt in a query. Ids are names: nothing in them needs an escape.
std::string attempt_query(const model::Lease& lease) {
  return "task=" + lease.task_id + "&attempt=" + std::to_string(lease.attempt) +
         "&lease=" + lease.lease_id;
}

/// A piece of an artifact may take as long as 16 KiB/s need for it.
constexpr Millis kPieceTime{90'000};

bool is_success(int status) { return status >= 200 && status < 300; }

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

Endpoints::Endpoints(std::vector<std::string> urls, Credential& credential)
    : urls_([&] {
        for (std::string& url : urls) url = without_slash(std::move(url));
        return std::move(urls);
      }()),
      credential_(credential) {}

void Endpoints::failed(std::size_t index) {
  current_.compare_exchange_strong(index, (index + 1) % urls_.size());
}

std::string Endpoints::advice(Code code) const {
  if (code == Code::kState) return "give each worker its own [node] id";
  if (code == Code::kDenied) return credential_.advice();
  return "skep health " + url();
}

ControlClient::ControlClient(std::string worker_id, Endpoints& endpoints,
                             const std::atomic<bool>& abort, Millis timeout)
    : worker_id_(std::move(worker_id)), endpoints_(endpoints), abort_(abort), timeout_(timeout) {}

struct ControlClient::Call {
  std::string method;
  std::size_t endpoint;
  std::string url;
  std::string body;
  Millis timeout;
  std::string token;
  std::string media = "application/json";
  std::vector<std::string> headers{};
  std::function<bool(std::string_view)> on_body{};
  std::function<bool()> aborted{};
};

ControlClient::Call ControlClient::post(const std::string& path, std::string body,
                                        Millis timeout) const {
  const std::size_t endpoint = endpoints_.current();
  return {"POST",          endpoint, endpoints_.url(endpoint) + path,
          std::move(body), timeout,  endpoints_.credential().token()};
}

ControlClient::Call ControlClient::get(const std::string& path) const {
  const std::size_t endpoint = endpoints_.current();
  return {"GET", endpoint, endpoints_.url(endpoint) + path,
          {},    timeout_, endpoints_.credential().token()};
}

Result<net::ClientResponse> ControlClient::send(const Call& call) {
  net::ClientRequest request;
  request.method = call.method;
  request.url = call.url;
  request.headers = call.headers;
  if (!call.body.empty()) request.headers.push_back("Content-Type: " + call.media);
  if (!call.token.empty()) request.headers.push_back("Authorization: Bearer " + call.token);
  request.body = call.body;
  request.timeout = call.timeout;
  request.aborted = [this, &call] { return abort_.load() || (call.aborted && call.aborted()); };
  request.on_body = call.on_body;
  auto response = http_.send(request);
  if (!response && response.error().code != Code::kCancelled) endpoints_.failed(call.endpoint);
  return response;
}

template <class Decode>
auto ControlClient::ask(const Call& call, const api::Addressee& to, Decode&& decode)
    -> decltype(decode({})) {
  const auto response = send(call);
  if (!response) return response.error();
  if (!is_success(response->status)) return refused(call, to, *response);
  auto reply = decode(response->body);
  if (reply && reply->to == to) return reply;
  endpoints_.failed(call.endpoint);
  return unavailable(stranger(call.url, *response));
}

Error ControlClient::refused(const Call& call, const api::Addressee& to,
                             const net::ClientResponse& response) {
  const auto refusal = api::decode_refusal(response.body);
  const bool read = refusal && refusal->to == to;
  Error error;
  error.retry_after = retry_after(response);
  error.code = read ? code_of(response.status, refusal->code)
                    : code_of_unread(response.status, static_cast<bool>(refusal));
  if (read) error.next = refusal->next;
  error.message = refusal ? said(call.method + " " + call.url, response.status, *refusal)
                          : stranger(call.url, response);
  if (!refusal) endpoints_.failed(call.endpoint);
  return error;
}

/// With the credential, where it is good no more with what the files hold now; a new one is kept at
/// once.
Result<api::RegistrationReply> ControlClient::register_worker(const api::Registration& request) {
  Credential& credential = endpoints_.credential();
  const std::string shown = credential.token();
  auto reply = register_with(shown, request);
  if (!reply && reply.error().code == Code::kDenied)
    for (const std::string& token : credential.after_refusal(shown)) {
      auto second = register_with(token, request);
      const bool refused = !second && second.error().code == Code::kDenied;
      if (refused) second = with_second(reply.error(), second.error());
      reply = std::move(second);
      if (!refused) break;
    }
  if (reply && !reply->credential.empty()) credential.take(reply->credential);
  credential.keep();
  return reply;
}

Result<api::RegistrationReply> ControlClient::register_with(const std::string& token,
                                                            const api::Registration& request) {
  Call call = post("/api/workers/register", api::encode(request), timeout_);
  call.token = token;
  return ask(call, {worker_id_, request.incarnation}, api::decode_registration_reply);
}

Result<api::ClaimReply> ControlClient::claim(const api::ClaimRequest& request) {
  endpoints_.credential().keep();
  const auto hold = Millis{static_cast<std::int64_t>(request.wait_seconds * 1000)};
  const Call call =
      post("/api/workers/" + worker_id_ + "/claim", api::encode(request), timeout_ + hold);
  auto reply = ask(call, {worker_id_, request.incarnation}, api::decode_claim_reply);
  if (!reply || reply->claim_id.empty() || reply->claim_id == request.claim_id) return reply;
  http_ = net::HttpClient();  // what comes next on this connection answers something else, too
  return unavailable(call.url + ": the reply is to another claim");
}

Status ControlClient::release(const api::ReleaseRequest& request) {
  SKEP_TRY(ask(post("/api/workers/" + worker_id_ + "/release", api::encode(request), timeout_),
               {worker_id_, request.incarnation}, api::decode_beat_reply));
  return {};
}

Result<api::DesiredReleases> ControlClient::releases() {
  return ask(get("/api/workers/" + worker_id_ + "/releases"), {worker_id_, {}},
             api::decode_desired_releases);
}

/// The hash proves the bytes, whoever sent them.
Result<std::string> ControlClient::release_chunk(const std::string& sha256, std::int64_t index) {
  const Call call = get("/api/registry/blobs/" + sha256 + "?chunk=" + std::to_string(index));
  auto response = send(call);
  if (!response) return response.error();
  if (!is_success(response->status)) return refused(call, {worker_id_, {}}, *response);
  return std::move(response->body);
}

Result<api::BlobProgress> ControlClient::progress(const Call& call, const std::string& sha256) {
  auto response = send(call);
  if (!response) return response.error();
  const api::Addressee to{worker_id_, {}};
  if (!is_success(response->status)) {
    Error error = refused(call, to, *response);
    const auto refusal = api::decode_refusal(response->body);
    if (refusal && refusal->to == to) error.name = refusal->code;
    return error;
  }
  auto progress = api::decode_blob_progress(response->body);
  if (progress && progress->sha256 == sha256) return progress;
  endpoints_.failed(call.endpoint);
  return unavailable(stranger(call.url, *response));
}

Result<api::BlobProgress> ControlClient::artifact(const model::Lease& lease,
                                                  const std::string& sha256) {
  return progress(
      get("/api/workers/" + worker_id_ + "/artifacts/" + sha256 + "?" + attempt_query(lease)),
      sha256);
}

Result<api::BlobProgress> ControlClient::put_artifact(const model::Lease& lease,
                                                      const model::Artifact& artifact,
                                                      std::int64_t offset, std::string_view bytes) {
  Call call = post("/api/workers/" + worker_id_ + "/artifacts/" + artifact.sha256 + "?" +
                       attempt_query(lease) + "&offset=" + std::to_string(offset) +
                       "&size=" + std::to_string(artifact.size),
                   std::string(bytes), kPieceTime);
  call.method = "PUT";
  call.media = model::kBytes;
  return progress(call, artifact.sha256);
}

Status ControlClient::input(const model::Lease& lease, const std::string& sha256,
                            std::int64_t offset, const std::function<bool()>& aborted,
                            const std::function<bool(std::string_view)>& take) {
  Call call = get("/api/workers/" + worker_id_ + "/inputs/" + sha256 + "?" + attempt_query(lease));
  call.timeout = Millis{0};  // the task's own deadline ends it
  call.headers = {"Range: bytes=" + std::to_string(offset) + "-"};
  call.aborted = aborted;
  call.on_body = take;
  auto response = send(call);
  if (!response) return response.error();
  if (!is_success(response->status)) return refused(call, {worker_id_, {}}, *response);
  if (response->status == 206 || offset == 0) return {};
  return unavailable(stranger(call.url, *response));
}

Result<Submission> ControlClient::submit(const std::vector<std::string>& envelopes) {
  const Call call = post("/api/workers/results", api::encode(envelopes), timeout_);
  auto response = send(call);
  if (!response) return response.error();
  Submission out;
  out.status = response->status;
  out.retry_after = retry_after(*response);
  if (auto acks = api::decode_acks(response->body); acks && is_success(out.status))
    out.acks = std::move(*acks);
  std::erase_if(out.acks, [](const api::Ack& ack) { return ack.key.empty(); });
  out.is_skeps = !out.acks.empty();
  if (out.is_skeps) return out;
  const auto refusal = api::decode_refusal(response->body);
  out.is_skeps = static_cast<bool>(refusal);
  if (refusal) {
    out.detail = said(call.method + " " + call.url, out.status, *refusal);
  } else {
    out.detail = stranger(call.url, *response);
    endpoints_.failed(call.endpoint);
  }
  return out;
}

}  // namespace skep::worker
