#include "skep/heartbeat.hpp"
#include "skep/json.hpp"
#include "skep/svc/http.h"

namespace {

skep_rc append(void* out, skep_view bytes) {
  static_cast<std::string*>(out)->append(skep::text(bytes));
  return SKEP_OK;
}

skep::Json parsed(std::string_view text) {
  try {
    return skep::Json::parse(text);
  } catch (const std::exception&) {
    return {};
  }
}

/// Only skep's own problem document, addressed to the process that sent the beat, says that the
/// worker is unknown or that its id belongs to another; whatever else answers is nobody.
skep_rc code_of(std::int32_t status, const skep::Json& problem, const skep::Json& beat) {
  const std::string_view code = problem["code"].str();
  if (code.empty() || problem["type"].str() != "/problems/" + std::string(code))
    return SKEP_E_UNAVAILABLE;
  if (status == 401 || status == 403) return SKEP_E_DENIED;
  const skep::Json& to = problem["to"];
  if (to["worker_id"].str() != beat["worker_id"].str() ||
      to["incarnation"].str() != beat["incarnation"].str())
    return SKEP_E_UNAVAILABLE;
  if (status == 404) return SKEP_E_NOT_FOUND;
  return status == 409 && code == "worker-id-conflict" ? SKEP_E_STATE : SKEP_E_UNAVAILABLE;
}

class HttpHeartbeat final : public skep::Heartbeat {
 public:
  std::string beat(skep::Call& call, std::string_view control_plane, std::string_view token,
                   std::string_view beat_json) override {
    const auto* http = skep::service<skep_svc_http_v1>(SKEP_SVC_HTTP);
    if (http == nullptr) throw skep::Fault(SKEP_E_UNSUPPORTED, "the host has no " SKEP_SVC_HTTP);
    while (control_plane.ends_with('/')) control_plane.remove_suffix(1);
    const skep::Json beat = skep::Json::parse(beat_json);
    const std::string worker(beat["worker_id"].str());
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
                                    0};  // until the call's deadline

    std::string reply;
    const skep_sink body{&reply, append};
    std::int32_t status = 0;
    skep::HostError error;
    error.check(http->request(skep::host(), call.handle(), &request, &status, &body, error.out()));
    if (status < 200 || status > 299)
      throw skep::Fault(code_of(status, parsed(reply), beat),
                        "POST " + url + ": status " + std::to_string(status) + ": " +
                            std::string(skep::clip_text(reply, 300)));
    return reply;
  }
};

}  // namespace

SKEP_PLUGIN(skep::component<HttpHeartbeat>("http"))
