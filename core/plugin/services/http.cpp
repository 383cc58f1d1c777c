#include <algorithm>
#include <limits>

#include "core/net/http.hpp"
#include "core/plugin/adapters/call_use.hpp"
#include "core/plugin/adapters/call_wait.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

constexpr Millis kMaxTimeout{3'600'000};
constexpr Millis kNoLimit{30'000};  ///< of an exchange that nobody limits
constexpr std::size_t kMaxAnswer = 16u << 20;

/// How long an exchange may take, and whether it is the call that says so.
struct Limit {
  Millis time;
  bool of_call = false;
};

Limit limit_of(const skep_http_request& in, const CallUse& call) {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  Limit limit{in.timeout_ms > 0 ? std::min(Millis(in.timeout_ms), kMaxTimeout) : kNoLimit};
  if (call.deadline_ns() == std::numeric_limits<std::int64_t>::max()) return limit;
  const std::int64_t left_ns = std::max<std::int64_t>(0, call.deadline_ns() - monotonic_ns());
  const Millis left(left_ns / kNsPerMs + 1);
  if (in.timeout_ms > 0 && left > limit.time) return limit;
  return {std::min(left, kMaxTimeout), left <= kMaxTimeout};
}

net::ClientRequest to_request(const skep_http_request& in, const CallUse& call, Millis time) {
  net::ClientRequest out;
  if (in.method.n > 0) out.method = text(in.method);
  out.url = text(in.url);
  for (std::uint32_t i = 0; i < in.header_count; ++i) out.headers.emplace_back(text(in.headers[i]));
  // What a plugin or a script asks for is not its user's own word: a node gives it no user's
  // rights.
  out.headers.emplace_back("Via: 1.1 skep");
  out.body = text(in.body);
  out.max_body = kMaxAnswer;
  out.timeout = time;
  out.aborted = [&call] { return call.cancelled() != 0; };
  return out;
}

/// The time of the call is its own affair; an exchange that takes too long may go better next time.
Error error_for(Error error, const CallUse& call, bool limit_of_call) {
  const bool late = error.code == Code::kDeadline && limit_of_call;
  if (late || (error.code == Code::kCancelled && call.cancelled() == SKEP_CANCEL_DEADLINE))
    error.code = Code::kDeadline;
  else if (error.code == Code::kDeadline)
    error.code = Code::kUnavailable;
  return error;
}

skep_rc send(skep_call* handle, const skep_http_request& in, std::int32_t* status,
             const skep_sink* body, skep_err* err) {
  const CallUse call(handle);
  if (call.is_over()) return put_error(err, Error{Code::kState, "the call has ended"});
  const Limit limit = limit_of(in, call);
  // One client a thread: connections are kept, and no lock is held during a request.
  thread_local net::HttpClient client;
  auto answer = client.send(to_request(in, call, limit.time));
  if (!answer) return put_error(err, error_for(answer.error(), call, limit.of_call));
  if (status != nullptr) *status = answer->status;
  return body == nullptr || body->put == nullptr ? SKEP_OK
                                                 : body->put(body->ctx, to_view(answer->body));
}

skep_rc request(const skep_host* host, skep_call* call, const skep_http_request* in,
                std::int32_t* status, const skep_sink* body, skep_err* err) noexcept {
  try {
    if (const auto admitted = PluginHost::of(host).admit(SKEP_SVC_HTTP); !admitted)
      return put_error(err, admitted.error());
    if (in == nullptr) return put_error(err, invalid("the request is null"));
    skep_http_request known{};
    if (skep_read(&known, sizeof(known), in, SKEP_SIZE_1_0_HTTP_REQUEST) != SKEP_OK)
      return put_error(err, invalid("skep_http_request.size is too small"));
    return send(call, known, status, body, err);
  } catch (const std::exception& e) {
    return put_error(err, internal_error(e.what()));
  }
}

}  // namespace

const skep_svc_http_v1& http_service() {
  static constexpr skep_svc_http_v1 table{sizeof(skep_svc_http_v1), 0, request};
  return table;
}

}  // namespace skep::plugin
