#include "skep/heartbeat.hpp"
#include "skep/json.hpp"
#include "skep/svc/http.h"

namespace {

skep_rc append(void* out, skep_view bytes) {
  static_cast<std::string*>(out)->append(skep::text(bytes));
  return SKEP_OK;
}

skep_rc code_of(std::int32_t status) {
  switch (status) {
    case 404:
      return SKEP_E_NOT_FOUND;
    case 409:
      return SKEP_E_STATE;
    case 401:
    case 403:
      return SKEP_E_DENIED;
    default:
      return SKEP_E_UNAVAILABLE;
  }
}

class HttpHeartbeat final : public skep::Heartbeat {
 public:
  std::string beat(std::string_view control_plane, std::string_view token,
                   std::string_view beat_json, std::int64_t timeout_ms) override {
    const auto* http = skep::service<skep_svc_http_v1>(SKEP_SVC_HTTP);
    if (http == nullptr) throw skep::Fault(SKEP_E_UNSUPPORTED, "the host has no " SKEP_SVC_HTTP);
    while (control_plane.ends_with('/')) control_plane.remove_suffix(1);
    const std::string worker(skep::Json::parse(beat_json)["worker_id"].str());
    const std::string url = std::string(control_plane) + "/api/workers/" + worker + "/heartbeat";
    const std::string authorization = "Authorization: Bearer " + std::string(token);
    const skep_view headers[] = {skep::view("Content-Type: application/json"),
                                 skep::view(authorization)};
    const skep_http_request request{sizeof(skep_http_request),
                                    token.empty() ? 1u : 2u,
                                    skep::view("POST"),
                                    skep::view(url),
                                    headers,
                                    skep::view(beat_json),
                                    timeout_ms};

    std::string reply;
    const skep_sink body{&reply, append};
    std::int32_t status = 0;
    skep::HostError error;
    error.check(http->request(skep::host(), &request, &status, &body, error.out()));
    if (status < 200 || status > 299)
      throw skep::Fault(code_of(status), "POST " + url + ": status " + std::to_string(status) +
                                             ": " + std::string(skep::clip_text(reply, 300)));
    return reply;
  }
};

}  // namespace

SKEP_PLUGIN(skep::component<HttpHeartbeat>("http"))
