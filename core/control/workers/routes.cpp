// The routes of the feature "workers": parse, call the service, encode.
#include <algorithm>

#include "core/api/worker_json.hpp"
#include "core/control/answer.hpp"
#include "core/control/query.hpp"
#include "core/control/workers/workers.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

HttpResponse register_worker(Workers& f, const HttpRequest& r) {
  const auto registration = api::decode_registration(r.body);
  if (!registration) return HttpResponse::problem(registration.error());
  return answer_to({registration->worker_id, registration->incarnation},
                   f.service.enrol(*registration, r.caller));
}

HttpResponse heartbeat(Workers& f, const HttpRequest& r) {
  const auto beat = api::decode_beat(r.body);
  if (!beat) return HttpResponse::problem(beat.error());
  return answer_to({id_of(r), beat->incarnation}, f.service.beat(id_of(r), *beat));
}

HttpResponse list_workers(Workers& f, const HttpRequest& r) {
  const std::vector<std::string> words{"online", "late", "offline", "stale"};
  if (const auto status = r.query.find("status");
      status != r.query.end() &&
      std::find(words.begin(), words.end(), status->second) == words.end())
    return HttpResponse::problem(bad_choice("status", status->second, words));
  const WallMs now = f.platform.clock.wall_ms();
  const auto matches = [&](const std::string& key, std::string_view value) {
    const auto wanted = r.query.find(key);
    return wanted == r.query.end() || wanted->second == value;
  };
  const auto all = f.directory.all();
  std::vector<api::WorkerView> shown;
  for (const auto& w : all) {
    api::WorkerView view = f.service.view(w, now);
    if (matches("site", w.profile.site) && matches("status", to_string(view.presence)))
      shown.push_back(std::move(view));
  }
  return HttpResponse::json(api::encode(shown));
}

HttpResponse answer(const Workers& f, const Result<WorkerRecord>& w) {
  if (!w) return HttpResponse::problem(w.error());
  return HttpResponse::json(api::encode(f.service.view(*w, f.platform.clock.wall_ms())));
}

HttpResponse get_worker(Workers& f, const HttpRequest& r) {
  return answer(f, f.directory.find(id_of(r)));
}

HttpResponse remove_worker(Workers& f, const HttpRequest& r) {
  if (const auto done = f.service.remove(id_of(r), actor_of(r.caller)); !done)
    return HttpResponse::problem(done.error());
  return HttpResponse::json(api::encode_removed(id_of(r)));
}

}  // namespace

std::vector<net::Route> Workers::routes() {
  using enum net::Right;
  using Handler = HttpResponse (*)(Workers&, const HttpRequest&);
  constexpr std::size_t kSmall = net::kOptionalBody;
  constexpr std::size_t kDocument = 1 << 20;
  const auto bind = [this](Handler h) {
    return [this, h](const HttpRequest& r) { return h(*this, r); };
  };
  const auto mode = [this](api::WorkerMode m) {
    return [this, m](const HttpRequest& r) {
      return answer(*this, service.set_mode(id_of(r), m, actor_of(r.caller)));
    };
  };
  constexpr net::QueryParameter kSite{"site", "Only workers of this site."};
  constexpr net::QueryParameter kStatus{
      "status", "Only workers of this presence.",
      R"({"enum":["online","late","offline","stale","stopped"]})"};
  return {
      {"POST",
       "/api/workers/register",
       kJoin,
       kDocument,
       "A worker introduces itself.",
       bind(register_worker),
       {"Registration", "RegistrationReply"}},
      {"POST",
       "/api/workers/{id}/heartbeat",
       kWork,
       kDocument,
       "A worker's beat; renews leases.",
       bind(heartbeat),
       {"Beat", "BeatReply"}},
      net::heavy({"GET",
                  "/api/workers",
                  kOperate,
                  0,
                  "List workers.",
                  bind(list_workers),
                  {"", "WorkerList"},
                  {kSite, kStatus}}),
      {"GET", "/api/workers/{id}", kOperate, 0, "One worker.", bind(get_worker), {"", "Worker"}},
      {"DELETE",
       "/api/workers/{id}",
       kOperate,
       0,
       "Forget a worker that is gone.",
       bind(remove_worker),
       {"", "RemovedWorker"}},
      {"POST",
       "/api/workers/{id}/pause",
       kOperate,
       kSmall,
       "Stop claiming.",
       mode(api::WorkerMode::kPaused),
       {"", "Worker"}},
      {"POST",
       "/api/workers/{id}/resume",
       kOperate,
       kSmall,
       "Claim again.",
       mode(api::WorkerMode::kActive),
       {"", "Worker"}},
      {"POST",
       "/api/workers/{id}/drain",
       kOperate,
       kSmall,
       "Stop claiming, finish, hand back.",
       mode(api::WorkerMode::kDraining),
       {"", "Worker"}},
  };
}

}  // namespace skep::control
