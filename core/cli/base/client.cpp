#include "core/cli/base/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "core/base/duration.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::cli {
namespace {

Code code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return Code::kDenied;
    case 404:
      return Code::kNotFound;
    case 409:
    case 412:
    case 428:
      return Code::kState;
    case 408:
    case 504:
      return Code::kDeadline;
    case 429:
    case 502:
    case 503:
      return Code::kUnavailable;
    case 501:
      return Code::kUnsupported;
    case 507:
      return Code::kNoMemory;
    default:
      return status < 500 ? Code::kInvalid : Code::kInternal;
  }
}

/// The code whose own name is `name`, else what the status says.
Code code_of(std::string_view name, int status) {
  for (auto i = static_cast<int>(Code::kCancelled); i >= static_cast<int>(Code::kNotHere); --i)
    if (info(static_cast<Code>(i)).name == name) return static_cast<Code>(i);
  return code_of_status(status);
}

/// Whoever is busy, or too slow for somebody on the way, does not count as there.
bool is_of_somebody_there(int status) { return status < 500 && status != 408 && status != 429; }

/// A line for each of "errors", without the one that "detail" says already.
std::vector<std::string> details_of(const json::object& problem) {
  std::vector<std::string> lines;
  const std::string detail = get_string(problem, "detail");
  const json::value* errors = problem.if_contains("errors");
  if (errors == nullptr || !errors->is_array()) return lines;
  const bool only_one = errors->get_array().size() == 1;
  for (const json::value& e : errors->get_array()) {
    if (!e.is_object()) continue;
    const std::string pointer = get_string(e.get_object(), "pointer");
    const std::string message = get_string(e.get_object(), "message");
    if (only_one && detail.find(message) != std::string::npos) continue;
    lines.push_back(pointer.empty() ? message : fmt::format("{}: {}", pointer, message));
  }
  return lines;
}

bool is_http_url(std::string_view url) {
  const bool scheme = url.starts_with("http://") || url.starts_with("https://");
  return scheme && url.find("://") + 3 < url.size() && url.find_first_of(" \t\r\n") == url.npos;
}

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kEventStream = "text/event-stream";

}  // namespace

Transport http_transport() {
  auto client = std::make_shared<net::HttpClient>();
  return [client](const net::ClientRequest& request) { return client->send(request); };
}

std::string encode_part(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string with_query(std::string_view path, const Query& query) {
  std::string out(path);
  char separator = '?';
  for (const auto& [key, value] : query) {
    if (value.empty()) continue;
    out += std::exchange(separator, '&') + key + "=" + encode_part(value);
  }
  return out;
}

Client::Client(std::string server, std::string origin, const Destination& to, std::string token,
               Millis timeout, Transport transport, const std::atomic<bool>* abort)
    : server_(std::move(server)),
      origin_(std::move(origin)),
      up_folder_(to.up_folder),
      file_(to.file),
      token_file_(to.token_file),
      token_(std::move(token)),
      timeout_(timeout),
      transport_(std::move(transport)),
      abort_(abort) {}

Result<Client> Client::make(const Destination& to, std::string token, Millis timeout,
                            Transport transport, const std::atomic<bool>* abort) {
  std::string server = to.server;
  const std::string from = to.origin.empty() ? "" : " (" + to.origin + ")";
  while (server.ends_with('/')) server.pop_back();
  if (!is_http_url(server) && !server.starts_with(kUnix)) {
    const std::string meant = "http://" + server;
    const bool lacks_scheme = server.find("//") == server.npos && is_http_url(meant);
    return usage_error("server \"" + server + "\"" + from + " is not an http:// or https:// URL",
                       "skep --server " + (lacks_scheme ? meant : "http://127.0.0.1:9595") + " ..");
  }
  return Client(std::move(server), from, to, std::move(token), timeout, std::move(transport),
                abort);
}

bool Client::is_unix() const { return server_.starts_with(kUnix); }

net::ClientRequest Client::request_of(std::string_view method, const std::string& path) const {
  net::ClientRequest request;
  request.method = std::string(method);
  request.url = (is_unix() ? "http://localhost" : server_) + path;
  if (is_unix()) request.unix_socket = server_.substr(kUnix.size());
  request.headers.push_back("Accept: application/json");
  if (!token_.empty()) request.headers.push_back("Authorization: Bearer " + token_);
  request.connect_timeout = std::min(timeout_, request.connect_timeout);
  if (abort_ != nullptr) request.aborted = [flag = abort_] { return flag->load(); };
  return request;
}

Expected<bool> Client::stream(const std::string& path, bool goes_on,
                              std::function<bool(std::string_view)> on_bytes) {
  net::ClientRequest request = request_of("GET", path);
  request.headers.front() = "Accept: " + std::string(kEventStream);
  request.body_type = kEventStream;
  request.timeout = Millis{0};  // of silence only: what is done with the bytes takes its own time
  const bool timed = timeout_.count() > 0;
  bool began = false;
  bool late = false;
  bool enough = false;
  MonoMs heard = proc::monotonic_ms();
  request.on_body = [&](std::string_view bytes) {
    if (!std::exchange(began, true)) ++answers_;
    enough = !on_bytes(bytes);
    heard = proc::monotonic_ms();
    return !enough;
  };
  request.aborted = [&, interrupted = request.aborted] {
    late = timed && !(goes_on && began) && proc::monotonic_ms() >= heard + timeout_.count();
    return late || (interrupted && interrupted());
  };
  const auto response = transport_(request);
  if (enough) return true;
  if (!response)
    return unreachable(late ? Error{Code::kDeadline, "no byte in time"} : response.error(),
                       request.url);
  if (!began && is_of_somebody_there(response->status)) ++answers_;
  if (response->status >= 400) return failure_of(*response);
  const auto type = response->headers.find("content-type");
  if (type == response->headers.end() || !type->second.starts_with(kEventStream))
    return strange(path, "no stream of events");
  return true;
}

Failure Client::unreachable(const Error& cause, const std::string& url) const {
  const bool of_up = !up_folder_.empty();
  // Nobody starts it again beside a supervisor that runs, which another `skep up` would refuse.
  const std::string again =
      "skep up --stop && skep up -d   or   skep start -c " + shell_word(file_);
  if (is_unix() && (cause.code == Code::kUnavailable || cause.code == Code::kNotFound))
    return unavailable("no node answers on " + server_.substr(kUnix.size()) + origin_)
        .named("unreachable")
        .with_next(of_up ? again
                   : file_.empty()
                       ? "skep start -c FILE   or   name the node: -c FILE, --server URL"
                       : "skep start -c " + shell_word(file_) + "   or   correct that file");
  if (cause.code == Code::kUnavailable)
    return unavailable("control plane at " + server_ + origin_ +
                       " cannot be reached: " + cause.message)
        .named("unreachable")
        .with_next(answers_ > 0    ? "skep health     # until it answers again"
                   : of_up         ? again
                   : file_.empty() ? "skep up   or   name it: --server URL, -c FILE"
                                   : "start the control plane   or   correct " + file_);
  if (cause.code == Code::kDeadline)
    return Error{cause.code,
                 "control plane at " + server_ + origin_ + " gave no answer: " + cause.message}
        .with_next("skep health   or   a longer --timeout, such as 2m");
  if (cause.code == Code::kCancelled) return interruption();
  if (cause.id() == "answer-too-large")
    return Error(cause).with_next("a smaller --limit   or   curl -o FILE " + shell_word(url));
  return cause;
}

Failure Client::failure_of(const net::ClientResponse& r) const {
  const auto parsed = parse_json(r.body);
  const json::object* problem = parsed ? parsed->if_object() : nullptr;
  const bool api_twice = r.status == 404 && server_.ends_with("/api");
  const std::string without_api =
      api_twice ? "leave out /api: skep --server " + server_.substr(0, server_.size() - 4) + " .."
                : "";
  if (problem == nullptr || !problem->contains("detail"))
    return Error{code_of_status(r.status),
                 fmt::format("{} answered HTTP {} without a problem document", server_, r.status)}
        .with_next(api_twice ? without_api : "skep health: is this a skep control plane?");
  const std::string name = get_string(*problem, "code");
  Error error{code_of(name, r.status), get_string(*problem, "detail"), name,
              get_string(*problem, "next")};
  if (const auto after = r.headers.find("retry-after"); after != r.headers.end())
    error.retry_after = parse_retry_after(after->second);
  if (api_twice) error.next = without_api;
  if (r.status == 401) {  // the control plane speaks of a header, which is ours to send
    error.next = "skep --token-file FILE ..   or   export SKEP_TOKEN_FILE=FILE";
    if (!token_.empty()) {
      error.message += "; what was sent is in " + token_file_;
      error.next = "put the token of " + server_ + " into " + shell_word(token_file_) + "   or   " +
                   error.next;
    }
  }
  return {std::move(error), r.body, details_of(*problem)};
}

Failure Client::strange(const std::string& path, const std::string& what) const {
  return Error{Code::kCorrupt, server_ + path + " answered " + what}.with_next(
      "skep health: is this a skep control plane?");
}

Expected<net::ClientResponse> Client::raw(std::string_view method, const std::string& path,
                                          std::string body, Millis extra) {
  net::ClientRequest request = request_of(method, path);
  if (!body.empty()) request.headers.push_back("Content-Type: application/json");
  request.body = std::move(body);
  request.timeout = timeout_ + extra;
  auto response = transport_(request);
  if (!response) return unreachable(response.error(), request.url);
  if (is_of_somebody_there(response->status)) ++answers_;
  return std::move(*response);
}

Expected<json::value> Client::document(std::string_view method, const std::string& path,
                                       std::string body, Millis extra) {
  return document_in(path, raw(method, path, std::move(body), extra));
}

Expected<json::value> Client::put(const std::string& path, std::string bytes) {
  net::ClientRequest request = request_of("PUT", path);
  request.headers.push_back("Content-Type: application/octet-stream");
  request.body = std::move(bytes);
  request.timeout = timeout_;
  auto response = transport_(request);
  if (!response) return unreachable(response.error(), request.url);
  if (is_of_somebody_there(response->status)) ++answers_;
  return document_in(path, std::move(*response));
}

Expected<bool> Client::fetch(const std::string& path, const std::string& header,
                             const std::function<bool(std::string_view)>& on_bytes) {
  net::ClientRequest request = request_of("GET", path);
  request.headers.front() = "Accept: */*";
  request.headers.push_back(header);
  request.timeout = Millis{0};
  bool late = false;
  bool enough = false;
  MonoMs heard = proc::monotonic_ms();
  request.on_body = [&](std::string_view bytes) {
    enough = !on_bytes(bytes);
    heard = proc::monotonic_ms();
    return !enough;
  };
  request.aborted = [&, interrupted = request.aborted] {
    late = timeout_.count() > 0 && proc::monotonic_ms() >= heard + timeout_.count();
    return late || (interrupted && interrupted());
  };
  const auto response = transport_(request);
  if (enough) return true;
  if (!response)
    return unreachable(late ? Error{Code::kUnavailable, "no byte in time"} : response.error(),
                       request.url);
  if (is_of_somebody_there(response->status)) ++answers_;
  if (response->status >= 400) return failure_of(*response);
  return true;
}

Expected<json::value> Client::document_in(const std::string& path,
                                          const Expected<net::ClientResponse>& response) const {
  if (!response) return response.error();
  if (response->status >= 400) return failure_of(*response);
  auto parsed = parse_json(response->body);
  if (!parsed) return strange(path, "no JSON: " + parsed.error().message);
  if (!parsed->is_object()) return strange(path, "no JSON object");
  return std::move(*parsed);
}

Expected<json::value> Client::get(const std::string& path_and_query, Millis extra) {
  return document("GET", path_and_query, {}, extra);
}

Expected<json::value> Client::list(const std::string& path_and_query, Millis extra) {
  auto document = get(path_and_query, extra);
  if (!document) return document;
  const json::value* items = document->get_object().if_contains("items");
  if (items == nullptr || !items->is_array()) return strange(path_and_query, "no list");
  return document;
}

Expected<json::value> Client::post(const std::string& path, std::string body) {
  return document("POST", path, std::move(body), Millis{0});
}

Expected<json::value> Client::remove(const std::string& path) {
  return document("DELETE", path, {}, Millis{0});
}

}  // namespace skep::cli
