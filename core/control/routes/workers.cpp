#include <boost/json.hpp>

#include <algorithm>
#include <array>

#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/control/control.hpp"
#include "core/control/routes/routes.hpp"

namespace skep::control {
namespace {

constexpr std::array<std::string_view, 4> kReservedIds{"health", "metrics", "register", "results"};

/// Together with one task of the largest size it stays below what a worker's client takes.
constexpr std::uint32_t kClaimBytes = 8u << 20;

Status check_registration(const api::Registration& r) {
  if (!is_name(r.worker_id))
    return invalid("registration: worker_id must be letters, digits, '.', '_' or '-', at most 128");
  if (std::find(kReservedIds.begin(), kReservedIds.end(), r.worker_id) != kReservedIds.end())
    return invalid("registration: \"" + r.worker_id + "\" is a reserved word, not a worker id");
  if (!is_name(r.site))
    return invalid("registration: site must be letters, digits, '.', '_' or '-', at most 128");
  if (r.concurrency < 1 || r.concurrency > 1024)
    return invalid("registration: concurrency must be 1 to 1024");
  if (r.protocol_min > api::kProtocolMax || r.protocol_max < api::kProtocolMin)
    return Error{Code::kState,
                 "worker speaks protocol " + std::to_string(r.protocol_min) + " to " +
                     std::to_string(r.protocol_max) + ", this control plane " +
                     std::to_string(api::kProtocolMin) + " to " + std::to_string(api::kProtocolMax),
                 "protocol-mismatch", "upgrade the control plane first, then the workers"};
  return {};
}

void encode_worker(JsonOut& out, const WorkerRecord& w, const Control& c, WallMs now) {
  const auto& b = w.beat;
  out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
  out.key("status").str(to_string(c.workers.presence(w, now)));
  out.key("mode").str(b.draining ? "draining" : api::to_string(w.mode));
  out.key("last_seen").time_or_null(w.last_seen_ms);
  out.key("last_seen_at").time_or_null(w.last_seen_ms);
  out.key("last_seen_seconds_ago").number(static_cast<double>(now - w.last_seen_ms) / 1000);
  out.key("is_stale").boolean(c.workers.presence(w, now) == Presence::kStale);
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

std::vector<std::pair<model::Lease, ports::LeaseVerdict>> pair_up(
    const std::vector<ports::Renewal>& tasks, const std::vector<ports::LeaseVerdict>& verdicts) {
  std::vector<std::pair<model::Lease, ports::LeaseVerdict>> out;
  for (std::size_t i = 0; i < tasks.size(); ++i) out.emplace_back(tasks[i].lease, verdicts[i]);
  return out;
}

void wake_claim(Control& c, const std::string& worker_id) {
  c.waits.claims.wake([&](std::string_view key) { return key.ends_with(" " + worker_id); });
}

/// Of `types`, those that no worker runs any more.
void forget_types(Control& c, const std::vector<ports::TaskType>& types) {
  for (const ports::TaskType& type : types)
    if (!c.workers.runs(type.name)) c.catalog.forget(type.name);
}

/// A worker that says goodbye with nothing left to send holds nothing: what it has leased without
/// ever seeing it (a claim cut off by its drain) goes back at once.
Status release_unseen(Control& c, WallMs now, const WorkerRecord& w) {
  ports::TaskQuery query;
  query.worker_id = w.profile.id;
  query.states = {model::TaskState::kClaimed, model::TaskState::kSuspect};
  query.limit = 1'000;
  const auto held = c.queue.read(query);
  if (!held) return held.error();
  std::vector<model::Lease> unseen;
  for (const auto& t : *held)
    if (t.incarnation == w.profile.incarnation) unseen.push_back({t.id, t.attempt, t.lease_id});
  if (unseen.empty()) return {};
  const auto released = c.queue.release(now, unseen);
  return released ? Status{} : Status{released.error()};
}

}  // namespace

HttpResponse register_worker(Control& c, const HttpRequest& r) {
  const auto registration = api::decode_registration(r.body);
  if (!registration) return HttpResponse::problem(registration.error());
  if (const auto ok = check_registration(*registration); !ok)
    return HttpResponse::problem(ok.error());
  const auto before = c.workers.find(registration->worker_id);
  const auto replaced = c.workers.enrol(c.clock.wall_ms(), *registration);
  if (!replaced) return HttpResponse::problem(replaced.error());
  c.catalog.learn(registration->types);
  if (before) forget_types(c, before->about.types);
  // The claim of a process that registers again waits under what it was before.
  if (before && before->profile.incarnation == registration->incarnation)
    wake_claim(c, registration->worker_id);
  const auto lost = c.reaper.worker_restarted(registration->worker_id, registration->incarnation);
  if (!lost) return HttpResponse::problem(lost.error());
  log::info("worker_registered", {{"worker_id", registration->worker_id},
                                  {"site", registration->site},
                                  {"version", registration->version},
                                  {"restarted", !replaced->empty()},
                                  {"attempts_lost", *lost}});
  api::RegistrationReply reply;
  reply.lease_seconds = static_cast<double>(c.options.get().lease_ms) / 1000;
  return HttpResponse::json(api::encode(reply));
}

HttpResponse heartbeat(Control& c, const HttpRequest& r) {
  const auto beat = api::decode_beat(r.body);
  if (!beat) return HttpResponse::problem(beat.error());
  const WallMs now = c.clock.wall_ms();
  const auto known = c.workers.find(id_of(r));
  const bool was_silent = known && !c.tasks.takes_work(*known);
  const auto worker = c.workers.check_in(now, id_of(r), beat->incarnation, &*beat);
  if (!worker) return HttpResponse::problem(worker.error());
  // Its claim waits since before it fell silent: now there may be work for it again.
  if (was_silent) wake_claim(c, id_of(r));
  c.artifacts.heard(*worker);
  api::BeatReply reply;
  reply.mode = worker->mode;
  reply.registry = c.artifacts.snapshot()->revision_of(worker->profile.site);
  if (!beat->tasks.empty()) {
    const auto verdicts = c.queue.renew(now, beat->tasks, c.options.get().lease_ms);
    if (!verdicts) return HttpResponse::problem(verdicts.error());
    reply.tasks = pair_up(beat->tasks, *verdicts);
  } else if (beat->draining && beat->spool_ready == 0) {
    if (const auto done = release_unseen(c, now, *worker); !done)
      return HttpResponse::problem(done.error());
  }
  return HttpResponse::json(api::encode(reply));
}

HttpResponse claim(Control& c, const HttpRequest& r) {
  const auto request = api::decode_claim(r.body);
  if (!request) return HttpResponse::problem(request.error());
  const auto ticket = c.waits.claims.ticket();
  const WallMs now = c.clock.wall_ms();
  const auto worker = c.workers.check_in(now, id_of(r), request->incarnation);
  if (!worker) return HttpResponse::problem(worker.error());
  api::ClaimReply reply;
  reply.mode = worker->mode;
  reply.registry = c.artifacts.snapshot()->revision_of(worker->profile.site);
  reply.cancel = c.workers.take_voided(worker->profile.id, request->held);
  const bool active = c.tasks.takes_work(*worker);
  if (active && request->max > 0 && !r.closing) {
    auto tasks = c.queue.claim(now, {worker->profile, request->max, c.options.get().lease_ms,
                                     request->claim_id, request->repeated, kClaimBytes});
    if (!tasks) return HttpResponse::problem(tasks.error());
    for (auto& t : *tasks)
      reply.tasks.push_back({{t.id, t.attempt, t.lease_id},
                             std::move(t.spec.type),
                             std::move(t.spec.params),
                             std::move(t.spec.idempotency_key),
                             t.spec.timeout_ms});
  }
  const MonoMs until = r.received_ms + static_cast<MonoMs>(request->wait_seconds * 1000);
  const bool known = request->registry < 0 || request->registry == reply.registry;
  const bool nothing = reply.tasks.empty() && reply.cancel.empty() && known;
  if (nothing && !r.closing && c.clock.mono_ms() < until) {
    const std::string kind = active && request->max > 0 ? "claim " : "news ";
    return HttpResponse::wait_for({&c.waits.claims, kind + worker->profile.id, ticket, until});
  }
  return HttpResponse::json(api::encode(reply));
}

HttpResponse release(Control& c, const HttpRequest& r) {
  const auto request = api::decode_release(r.body);
  if (!request) return HttpResponse::problem(request.error());
  const WallMs now = c.clock.wall_ms();
  const auto worker = c.workers.check_in(now, id_of(r), request->incarnation);
  if (!worker) return HttpResponse::problem(worker.error());
  const auto verdicts = c.queue.release(now, request->tasks);
  if (!verdicts) return HttpResponse::problem(verdicts.error());
  std::vector<ports::Renewal> renewals;
  for (const auto& lease : request->tasks) renewals.push_back({lease, false});
  c.waits.claims.wake([](std::string_view key) { return key.starts_with("claim "); },
                      request->tasks.size());
  return HttpResponse::json(api::encode(api::BeatReply{pair_up(renewals, *verdicts), {}, 0}));
}

HttpResponse post_results(Control& c, const HttpRequest& r) {
  const auto body = parse_json(r.body);
  if (!body) return HttpResponse::problem(body.error());
  std::vector<Result<model::Envelope>> envelopes;
  if (body->is_array()) {
    for (const auto& item : body->get_array()) envelopes.push_back(api::decode_envelope(item));
  } else {
    envelopes.push_back(api::decode_envelope(*body));
  }
  const auto acks = c.results.accept(envelopes);
  if (!acks) return HttpResponse::problem(acks.error());
  if (body->is_array()) return HttpResponse::json(api::encode(*acks));
  const api::Ack& one = acks->front();
  if (one.status < 300) return HttpResponse::json(api::encode(one));
  if (!envelopes.front()) {
    auto response = HttpResponse::problem(envelopes.front().error());
    response.status = one.status;
    return response;
  }
  auto response = HttpResponse::json(api::encode(one), one.status);
  response.content_type = "application/problem+json";
  response.body = one.error;
  return response;
}

HttpResponse list_workers(Control& c, const HttpRequest& r) {
  const WallMs now = c.clock.wall_ms();
  const auto matches = [&](const std::string& key, std::string_view value) {
    const auto wanted = r.query.find(key);
    return wanted == r.query.end() || wanted->second == value;
  };
  JsonOut out;
  out.object().key("items").array();
  for (const auto& w : c.workers.all())
    if (matches("site", w.profile.site) && matches("status", to_string(c.workers.presence(w, now))))
      encode_worker(out, w, c, now);
  return HttpResponse::json(out.end_array().key("next_cursor").null().end_object().take());
}

HttpResponse get_worker(Control& c, const HttpRequest& r) {
  const auto w = c.workers.find(id_of(r));
  if (!w) return HttpResponse::problem(w.error());
  JsonOut out;
  encode_worker(out, *w, c, c.clock.wall_ms());
  return HttpResponse::json(out.take());
}

HttpResponse remove_worker(Control& c, const HttpRequest& r) {
  if (const auto done = c.workers.remove(c.clock.wall_ms(), id_of(r)); !done)
    return HttpResponse::problem(done.error());
  c.artifacts.forget_worker(id_of(r));
  log::info("worker_removed", {{"worker_id", id_of(r)}});
  JsonOut out;
  out.object().key("worker_id").str(id_of(r)).key("status").str("removed").end_object();
  return HttpResponse::json(out.take());
}

HttpResponse set_worker_mode(Control& c, const HttpRequest& r, std::string_view mode) {
  if (const auto done = c.workers.set_mode(id_of(r), api::parse_mode(mode)); !done)
    return HttpResponse::problem(done.error());
  log::info("worker_mode_set", {{"worker_id", id_of(r)}, {"mode", mode}});
  wake_claim(c, id_of(r));
  return get_worker(c, r);
}

}  // namespace skep::control
