// What beat() promises is in skep/kind/heartbeat.h.
#include <skep/svc/http.h>

#include <skep/heartbeat.hpp>
#include <skep/json.hpp>

namespace {

class @CLASS@ final : public skep::Heartbeat {
 public:
  std::string beat(skep::Call& call, std::string_view control_plane, std::string_view token,
                   std::string_view beat_json) override {
    const auto* http = skep::service<skep_svc_http_v1>(SKEP_SVC_HTTP);
    if (http == nullptr) throw skep::Fault(SKEP_E_UNSUPPORTED, "this host has no HTTP service");
    const skep::Json beat = skep::Json::parse(beat_json);
    const std::string worker(beat["worker_id"].str());
    const std::string url = std::string(control_plane) + "/api/workers/" + worker + "/heartbeat";
    const std::string authorization = "Authorization: Bearer " + std::string(token);
    const skep_view headers[] = {skep::view("Content-Type: application/json"),
                                 skep::view(authorization)};
    const skep_http_request request{
        sizeof(request), token.empty() ? 1u : 2u, skep::view("POST"), skep::view(url),
        headers,         skep::view(beat_json),   0};  // until the call's deadline
    std::string reply;
    const skep_sink sink{&reply, [](void* ctx, skep_view bytes) -> skep_rc {
                           static_cast<std::string*>(ctx)->append(skep::text(bytes));
                           return SKEP_OK;
                         }};
    std::int32_t status = 0;
    skep::HostError err;
    err.check(http->request(skep::host(), call.handle(), &request, &status, &sink, err.out()));
    if (status == 200) return reply;
    throw skep::Fault(code_of(status, reply, beat), "the control plane answered " + std::to_string(status));
  }

 private:
  /// Proxies and strangers answer, too: only a problem document that names the process that sent
  /// the beat ends anything.
  static skep_rc code_of(std::int32_t status, std::string_view reply, const skep::Json& beat) try {
    const skep::Json problem = skep::Json::parse(reply);
    const std::string code(problem["code"].str());
    if (code.empty() || problem["type"].str() != "/problems/" + code) return SKEP_E_UNAVAILABLE;
    if (status == 401 || status == 403) return SKEP_E_DENIED;
    for (const char* member : {"worker_id", "incarnation"})
      if (problem["to"][member].str() != beat[member].str()) return SKEP_E_UNAVAILABLE;
    if (status == 404) return SKEP_E_NOT_FOUND;
    return code == "worker-id-conflict" ? SKEP_E_STATE : SKEP_E_UNAVAILABLE;
  } catch (const std::exception&) {  // no JSON
    return SKEP_E_UNAVAILABLE;
  }
};

}  // namespace

SKEP_PLUGIN(skep::component<@CLASS@>("@NAME@"))
