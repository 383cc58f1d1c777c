// C++20 layer over skep.svc.http/1: one HTTP request through the host's client.
#ifndef SKEP_HTTP_HPP
#define SKEP_HTTP_HPP

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "skep/sink.hpp"
#include "skep/svc/http.h"

namespace skep {

/// See skep_http_request. Needs "skep.svc.http/1" in the manifest's "requires" and the permission
/// "http".
struct HttpRequest {
  std::string url;
  std::string method = "GET";
  std::vector<std::string> headers{};    ///< "Name: value"
  std::string body{};                    ///< application/json unless a header says otherwise
  std::chrono::milliseconds timeout{0};  ///< 0 = the call's deadline, else 30 s
  std::size_t max_body = std::size_t{16} << 20;
};

struct HttpResponse {
  int status = 0;
  std::string body{};
};

/// Sends it; cancellation and deadline of `call` (may be null) end the exchange, from any thread.
/// Any HTTP status is an answer. Throws Fault: SKEP_E_UNAVAILABLE when none came in time,
/// SKEP_E_DEADLINE and SKEP_E_CANCELLED as the call is.
inline HttpResponse send(const HttpRequest& request, skep_call* call = nullptr) {
  const auto& http = need_service<skep_svc_http_v1>(SKEP_SVC_HTTP);
  const auto headers = views(request.headers);
  skep_http_request wire{};
  wire.size = sizeof(wire);
  wire.header_count = static_cast<std::uint32_t>(headers.size());
  wire.method = view(request.method);
  wire.url = view(request.url);
  wire.headers = headers.data();
  wire.body = view(request.body);
  wire.timeout_ms = request.timeout.count();
  TextSink body(request.max_body);
  std::int32_t status = 0;
  HostError error;
  error.check(http.request(host(), call, &wire, &status, body.sink(), error.out()));
  return {status, body.take()};
}

}  // namespace skep

#endif
