// The routes of the feature "workers": parse, call the service, encode.
#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "core/control/answer.hpp"
#include "core/control/query.hpp"
#include "core/control/workers/workers.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

void encode_worker(JsonOut& out, const WorkerRecord& w, const WorkerDirectory& directory,
                   WallMs now) {
  const auto& b = w.beat;
  out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
  out.key("status").str(to_string(directory.presence(w, now)));
  out.key("mode").str(b.draining ? "draining" : api::to_string(w.mode));
  out.key("last_seen").time_or_null(w.last_seen_ms);
  out.key("last_seen_at").time_or_null(w.last_seen_ms);
  out.key("last_seen_seconds_ago").number(static_cast<double>(now - w.last_seen_ms) / 1000);
  out.key("is_stale").boolean(directory.presence(w, now) == Presence::kStale);
  out.key("registered_at").time_or_null(w.registered_ms).key("capabilities").object();
  for (const auto& [name, on] : w.about.capabilities) out.key(name).boolean(on);
  out.end_object().key("concurrency").integer(w.about.concurrency);
  out.key("batch_size").integer(w.about.batch_size);
  out.key("heartbeats").integer(b.seq);
  out.key("busy").integer(b.busy).key("waiting").integer(b.waiting);
  out.key("errors_total").integer(b.errors_total).key("rss_bytes").integer(b.rss_bytes);
  out.key("clock_skew_seconds").number(static_cast<double>(w.skew_ms) / 1000);
  out.key("spool").object().key("ready").integer(b.spool_ready);
  out.key("bytes").integer(b.spool_bytes).key("quarantined").integer(b.spool_quarantined);
  out.key("rejected").integer(b.spool_rejected).key("degraded").boolean(b.spool_degraded);
  out.key("oldest_at").time_or_null(b.spool_oldest_ms).end_object();
  out.key("version").str(w.about.version).key("host").str(w.about.host);
  out.key("pid").integer(w.about.pid).key("incarnation").str(w.profile.incarnation);
  out.key("types").array();
  for (const auto& type : w.about.types) out.str(type.name);
  out.end_array().end_object();
}

HttpResponse register_worker(Workers& f, const HttpRequest& r) {
  const auto registration = api::decode_registration(r.body);
  if (!registration) return HttpResponse::problem(registration.error());
  return answer_to({registration->worker_id, registration->incarnation},
                   f.service.enrol(*registration));
}

HttpResponse heartbeat(Workers& f, const HttpRequest& r) {
  const auto beat = api::decode_beat(r.body);
  if (!beat) return HttpResponse::problem(beat.error());
  return answer_to({id_of(r), beat->incarnation}, f.service.beat(id_of(r), *beat));
}

HttpResponse list_workers(Workers& f, const HttpRequest& r) {
  const WallMs now = f.platform.clock.wall_ms();
  const auto matches = [&](const std::string& key, std::string_view value) {
    const auto wanted = r.query.find(key);
    return wanted == r.query.end() || wanted->second == value;
  };
  JsonOut out;
  out.object().key("items").array();
  for (const auto& w : f.directory.all())
    if (matches("site", w.profile.site) &&
        matches("status", to_string(f.directory.presence(w, now))))
      encode_worker(out, w, f.directory, now);
  return HttpResponse::json(out.end_array().key("next_cursor").null().end_object().take());
}

HttpResponse answer(const Workers& f, const Result<WorkerRecord>& w) {
  if (!w) return HttpResponse::problem(w.error());
  JsonOut out;
  encode_worker(out, *w, f.directory, f.platform.clock.wall_ms());
  return HttpResponse::json(out.take());
}

HttpResponse get_worker(Workers& f, const HttpRequest& r) {
  return answer(f, f.directory.find(id_of(r)));
}

HttpResponse remove_worker(Workers& f, const HttpRequest& r) {
  if (const auto done = f.service.remove(id_of(r), actor_of(r.caller)); !done)
    return HttpResponse::problem(done.error());
  JsonOut out;
  out.object().key("worker_id").str(id_of(r)).key("status").str("removed").end_object();
  return HttpResponse::json(out.take());
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
  return {
      {"POST", "/api/workers/register", kWork, kDocument, "A worker introduces itself.",
       bind(register_worker)},
      {"POST", "/api/workers/{id}/heartbeat", kWork, kDocument, "A worker's beat; renews leases.",
       bind(heartbeat)},
      {"GET",
       "/api/workers",
       kOperate,
       0,
       "List workers.",
       bind(list_workers),
       {{"site"}, {"status"}}},
      {"GET", "/api/workers/{id}", kOperate, 0, "One worker.", bind(get_worker)},
      {"DELETE", "/api/workers/{id}", kOperate, 0, "Forget a worker that is gone.",
       bind(remove_worker)},
      {"POST", "/api/workers/{id}/pause", kOperate, kSmall, "Stop claiming.",
       mode(api::WorkerMode::kPaused)},
      {"POST", "/api/workers/{id}/resume", kOperate, kSmall, "Claim again.",
       mode(api::WorkerMode::kActive)},
      {"POST", "/api/workers/{id}/drain", kOperate, kSmall, "Stop claiming, finish, hand back.",
       mode(api::WorkerMode::kDraining)},
  };
}

}  // namespace skep::control
