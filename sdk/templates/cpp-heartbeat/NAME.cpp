// What beat() promises is in skep/kind/heartbeat.h.
#include <skep/svc/http.h>

#include <skep/heartbeat.hpp>
#include <skep/json.hpp>

namespace {

class @CLASS@ final : public skep::Heartbeat {
 public:
  std::string beat(std::string_view control_plane, std::string_view token,
                   std::string_view beat_json, std::int64_t timeout_ms) override {
    const auto* http = skep::service<skep_svc_http_v1>(SKEP_SVC_HTTP);
    if (http == nullptr) throw skep::Fault(SKEP_E_UNSUPPORTED, "this host has no HTTP service");
    const std::string worker(skep::Json::parse(beat_json)["worker_id"].str());
    const std::string url = std::string(control_plane) + "/api/workers/" + worker + "/heartbeat";
    const std::string authorization = "Authorization: Bearer " + std::string(token);
    const skep_view headers[] = {skep::view("Content-Type: application/json"),
                                 skep::view(authorization)};
    const skep_http_request request{
        sizeof(request), token.empty() ? 1u : 2u, skep::view("POST"), skep::view(url),
        headers,         skep::view(beat_json),   timeout_ms};
    std::string reply;
    const skep_sink sink{&reply, [](void* ctx, skep_view bytes) -> skep_rc {
                           static_cast<std::string*>(ctx)->append(skep::text(bytes));
                           return SKEP_OK;
                         }};
    std::int32_t status = 0;
    skep::HostError err;
    err.check(http->request(skep::host(), &request, &status, &sink, err.out()));
    if (status == 200) return reply;
    throw skep::Fault(code_of(status), "the control plane answered " + std::to_string(status));
  }

 private:
  static skep_rc code_of(std::int32_t status) {
    if (status == 401 || status == 403) return SKEP_E_DENIED;
    if (status == 404) return SKEP_E_NOT_FOUND;
    if (status == 409) return SKEP_E_STATE;
    return SKEP_E_UNAVAILABLE;
  }
};

}  // namespace

SKEP_PLUGIN(skep::component<@CLASS@>("@NAME@"))
