// What beat() promises is in skep/kind/heartbeat.h.
#include <skep/heartbeat.hpp>
#include <skep/http.hpp>
#include <skep/json.hpp>

namespace {

class @CLASS@ final : public skep::Heartbeat {
 public:
  std::string beat(skep::Call& call, std::string_view control_plane, std::string_view token,
                   std::string_view beat_json) override {
    const skep::Json beat = skep::Json::parse(beat_json);
    const std::string worker(beat["worker_id"].str());
    skep::HttpRequest request;
    request.method = "POST";
    request.url = std::string(control_plane) + "/api/workers/" + worker + "/heartbeat";
    if (!token.empty()) request.headers.push_back("Authorization: Bearer " + std::string(token));
    request.body = beat_json;
    const skep::HttpResponse reply = skep::send(request, call.handle());
    if (reply.status == 200) return reply.body;
    throw skep::Fault(code_of(reply.status, reply.body, beat),
                      "the control plane answered " + std::to_string(reply.status));
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
