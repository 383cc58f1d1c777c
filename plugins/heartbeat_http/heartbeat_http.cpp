#include "skep/heartbeat.hpp"
#include "skep/http.hpp"
#include "skep/json.hpp"

namespace {

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
    while (control_plane.ends_with('/')) control_plane.remove_suffix(1);
    const skep::Json beat = skep::Json::parse(beat_json);
    const std::string worker(beat["worker_id"].str());
    skep::HttpRequest request;
    request.method = "POST";
    request.url = std::string(control_plane) + "/api/workers/" + worker + "/heartbeat";
    if (!token.empty()) request.headers.push_back("Authorization: Bearer " + std::string(token));
    request.body = beat_json;
    const skep::HttpResponse reply = skep::send(request, call.handle());
    if (reply.status < 200 || reply.status > 299)
      throw skep::Fault(code_of(reply.status, parsed(reply.body), beat),
                        "POST " + request.url + ": status " + std::to_string(reply.status) + ": " +
                            std::string(skep::clip_text(reply.body, 300)));
    return reply.body;
  }
};

}  // namespace

SKEP_PLUGIN(skep::component<HttpHeartbeat>("http"))
