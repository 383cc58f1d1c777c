#include "core/conformance/control_plane.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "core/base/text.hpp"
#include "core/conformance/test_case.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::conformance {
namespace {

constexpr std::size_t kMostRequest = 1u << 20;
constexpr int kForever = -1;
constexpr std::int64_t kUsualTimeoutMs = 30'000;
constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr const char* kNoLoopback = "let the check use the loopback interface";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The value of the header in `head`, "" = none.
std::string header(std::string_view head, const std::string& name) {
  for (const std::string& line : split(std::string(head), '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || lower(line.substr(0, colon)) != name) continue;
    std::size_t begin = line.find_first_not_of(' ', colon + 1);
    if (begin == std::string::npos) begin = line.size();
    return line.substr(begin, line.find_last_not_of("\r ") + 1 - begin);
  }
  return {};
}

/// Has all of it come?
bool is_whole(const std::string& text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string length = header(std::string_view(text).substr(0, end), "content-length");
  return text.size() >= end + 4 + static_cast<std::size_t>(std::atoll(length.c_str()));
}

SeenRequest parsed(const std::string& text) {
  const std::size_t end = text.find("\r\n\r\n");
  const std::string head = text.substr(0, end);
  const std::vector<std::string> words = split(head.substr(0, head.find('\r')), ' ');
  if (words.size() < 2) return {};
  return {words[0], words[1], header(head, "authorization"), text.substr(end + 4)};
}

std::string response(const PlannedReply& reply) {
  const char* type = reply.status < 300 ? "application/json" : "application/problem+json";
  return "HTTP/1.1 " + std::to_string(reply.status) + " Planned\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(reply.body.size()) +
         "\r\nConnection: close\r\n\r\n" + reply.body;
}

bool is_readable(int fd, int stop) {
  std::array<pollfd, 2> both{{{fd, POLLIN, 0}, {stop, POLLIN, 0}}};
  return ::poll(both.data(), both.size(), kForever) > 0 && both[1].revents == 0;
}

}  // namespace

ControlPlane::ControlPlane() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 8) != 0 ||
      ::getsockname(listener_, any, &size) != 0 || ::pipe(stop_) != 0)
    throw Broken("the kit cannot listen on 127.0.0.1", kNoLoopback);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

ControlPlane::~ControlPlane() {
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
  ::close(listener_);
}

std::string ControlPlane::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

void ControlPlane::plan(PlannedReply reply) {
  const MutexLock lock(mutex_);
  reply_ = std::move(reply);
}

SeenRequest ControlPlane::seen() const {
  const MutexLock lock(mutex_);
  return seen_;
}

PlannedReply ControlPlane::take(SeenRequest request) {
  const MutexLock lock(mutex_);
  seen_ = std::move(request);
  return reply_;
}

void ControlPlane::serve() {
  while (is_readable(listener_, stop_[0])) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    serve_one(socket);
    ::close(socket);
  }
}

void ControlPlane::serve_one(int socket) {
  std::string text;
  std::array<char, 4096> part{};
  while (!is_whole(text) && text.size() < kMostRequest && is_readable(socket, stop_[0])) {
    const ssize_t n = ::recv(socket, part.data(), part.size(), 0);
    if (n <= 0) return;
    text.append(part.data(), static_cast<std::size_t>(n));
  }
  if (!is_whole(text)) return;
  const PlannedReply reply = take(parsed(text));
  if (reply.is_silent) {
    // Until the other side has given up and closed.
    (void)is_readable(socket, stop_[0]);
    return;
  }
  const std::string bytes = response(reply);
  [[maybe_unused]] const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

skep_rc ControlPlane::keep_silent(std::int64_t until_ns, bool is_deadline, skep_err* err) const {
  const std::int64_t left = until_ns / kNsPerMs - proc::monotonic_ms();
  pollfd stop{stop_[0], POLLIN, 0};
  ::poll(&stop, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, kUsualTimeoutMs)));
  constexpr std::string_view kWords = "no answer within the time of the request";
  err->n = static_cast<std::uint32_t>(std::min<std::size_t>(err->cap, kWords.size()));
  std::memcpy(err->text, kWords.data(), err->n);
  return is_deadline ? SKEP_E_DEADLINE : SKEP_E_UNAVAILABLE;
}

skep_rc ControlPlane::answer(void* self, skep_call* call, const skep_http_request* request,
                             std::int32_t* status, const skep_sink* body, skep_err* err) {
  auto& me = *static_cast<ControlPlane*>(self);
  const auto text = [](skep_view v) { return std::string(static_cast<const char*>(v.p), v.n); };
  std::string head;
  for (std::uint32_t i = 0; i < request->header_count; ++i)
    head += text(request->headers[i]) + "\n";
  const std::string url = text(request->url);
  const std::size_t path = url.find('/', url.find("//") + 2);
  const PlannedReply reply =
      me.take({text(request->method), path == std::string::npos ? "/" : url.substr(path),
               header(head, "authorization"), text(request->body)});
  if (reply.is_silent) {
    const std::int64_t deadline = call != nullptr ? call->ops->deadline_ns(call) : INT64_MAX;
    const std::int64_t now = proc::monotonic_ms() * kNsPerMs;
    const std::int64_t timeout =
        now + (request->timeout_ms > 0 ? request->timeout_ms : kUsualTimeoutMs) * kNsPerMs;
    return me.keep_silent(std::min(timeout, deadline), deadline <= timeout, err);
  }
  *status = reply.status;
  return body->put(body->ctx, {reply.body.data(), reply.body.size()});
}

}  // namespace skep::conformance
