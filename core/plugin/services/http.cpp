#include "core/net/http.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

constexpr Millis kMaxTimeout{3'600'000};
constexpr std::size_t kMaxAnswer = 16u << 20;

net::ClientRequest to_request(const skep_http_request& in) {
  net::ClientRequest out;
  if (in.method.n > 0) out.method = text(in.method);
  out.url = text(in.url);
  for (std::uint32_t i = 0; i < in.header_count; ++i) out.headers.emplace_back(text(in.headers[i]));
  // What a plugin or a script asks for is not its user's own word: a node gives it no user's
  // rights.
  out.headers.emplace_back("Via: 1.1 skep");
  out.body = text(in.body);
  out.max_body = kMaxAnswer;
  if (in.timeout_ms > 0) out.timeout = std::min(Millis(in.timeout_ms), kMaxTimeout);
  if (TaskCall* call = TaskCall::current())
    out.aborted = [call] { return call->reason() != ports::CancelReason::kNone; };
  return out;
}

skep_rc send(const skep_http_request& in, std::int32_t* status, const skep_sink* body,
             skep_err* err) {
  if (in.size < sizeof(skep_http_request))
    return put_error(err, invalid("skep_http_request.size is too small"));
  // One client a thread: connections are kept, and no lock is held during a request.
  thread_local net::HttpClient client;
  auto answer = client.send(to_request(in));
  if (!answer) return put_error(err, answer.error());
  if (status != nullptr) *status = answer->status;
  return body == nullptr || body->put == nullptr ? SKEP_OK
                                                 : body->put(body->ctx, to_view(answer->body));
}

skep_rc request(const skep_host* host, const skep_http_request* in, std::int32_t* status,
                const skep_sink* body, skep_err* err) noexcept {
  try {
    if (const auto admitted = PluginHost::of(host).admit(SKEP_SVC_HTTP); !admitted)
      return put_error(err, admitted.error());
    return in == nullptr ? put_error(err, invalid("the request is null"))
                         : send(*in, status, body, err);
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
