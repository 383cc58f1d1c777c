#include "core/api/wire.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "core/api/members.hpp"
#include "core/api/wire_parts.hpp"
#include "core/base/id.hpp"
#include "core/base/utf8.hpp"

namespace skep::api {
namespace {

using model::Lease;

/// More than any worker holds at a time.
constexpr std::size_t kMostItems = 10'000;
constexpr std::size_t kMostCapabilities = 1'000;

/// What objects_of() skips is refused when it comes from outside.
Status only_objects(const json::object& o, std::string_view what, std::string_view key) {
  const auto* v = o.if_contains(key);
  if (v == nullptr || v->is_null()) return {};
  if (v->is_array() && v->get_array().size() > kMostItems)
    return invalid(std::string(what) + ": \"" + std::string(key) + "\" has " +
                   std::to_string(v->get_array().size()) + " items; at most " +
                   std::to_string(kMostItems));
  const bool good = v->is_array() && std::all_of(v->get_array().begin(), v->get_array().end(),
                                                 [](const auto& item) { return item.is_object(); });
  if (good) return {};
  return invalid(std::string(what) + ": \"" + std::string(key) + "\" must be an array of objects");
}

constexpr std::string_view kHeld[] = {"held", "lost", "unknown"};

/// Nothing for a word that is no verdict: a task is not ended for it.
std::optional<ports::LeaseVerdict> lease_verdict(std::string_view word) {
  const auto at = std::find(std::begin(kHeld), std::end(kHeld), word);
  if (at == std::end(kHeld)) return std::nullopt;
  return static_cast<ports::LeaseVerdict>(at - std::begin(kHeld));
}

void write_some(JsonOut& out, std::string_view key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out.key(key).array();
  for (const std::string& text : texts) out.str(text);
  out.end_array();
}

std::vector<std::string> read_some(const json::object& o, std::string_view key) {
  std::vector<std::string> out;
  const json::value* v = o.if_contains(key);
  if (v == nullptr || !v->is_array()) return out;
  for (const json::value& text : v->get_array())
    if (text.is_string() && out.size() < kMostTroubles)
      out.emplace_back(clip_utf8(text.get_string(), kTroubleBytes));
  return out;
}

void write_types(JsonOut& out, std::string_view key, const std::vector<ports::TaskType>& types) {
  out.key(key).array();
  for (const auto& t : types) {
    out.object().key("name").str(t.name).key("version").str(t.version);
    out.key("description")
        .str(t.description)
        .key("default_timeout_ms")
        .integer(t.default_timeout_ms);
    out.key("params_schema").raw(t.params_schema).end_object();
  }
  out.end_array();
}

std::vector<ports::TaskType> read_types(const json::object& o, std::string_view key) {
  std::vector<ports::TaskType> out;
  for (const json::object* t : objects_of(o, key))
    out.push_back({get_string(*t, "name"), get_string(*t, "description"), get_string(*t, "version"),
                   get_raw(*t, "params_schema", "{}"), get_int(*t, "default_timeout_ms")});
  return out;
}

}  // namespace

std::string encode(const Registration& r) {
  JsonOut out;
  out.object().key("worker_id").str(r.worker_id).key("incarnation").str(r.incarnation);
  out.key("site").str(r.site).key("capabilities").object();
  for (const auto& [name, on] : r.capabilities) out.key(name).boolean(on);
  out.end_object().key("concurrency").integer(r.concurrency);
  out.key("batch_size").integer(r.batch_size).key("version").str(r.version);
  out.key("protocol").object().key("min").integer(r.protocol_min);
  out.key("max").integer(r.protocol_max).end_object();
  out.key("host").str(r.host).key("pid").integer(r.pid).key("arch").str(r.arch);
  write_types(out, "types", r.types);
  if (!r.withheld.empty()) write_types(out, "withheld", r.withheld);
  return out.end_object().take();
}

Result<Registration> decode_registration(std::string_view body) {
  const auto parsed = parse_object(body, "registration");
  if (!parsed) return parsed.error();
  const json::object& o = *parsed;
  SKEP_TRY(
      only_known(o, "registration",
                 {"worker_id", "incarnation", "site", "capabilities", "concurrency", "batch_size",
                  "version", "protocol", "types", "host", "pid", "arch", "withheld"}));
  SKEP_TRY(need_string(o, "registration", "worker_id"));
  SKEP_TRY(need_string(o, "registration", "incarnation"));
  Registration r;
  r.worker_id = get_string(o, "worker_id");
  r.incarnation = get_string(o, "incarnation");
  r.site = get_string(o, "site", "default");
  if (const auto* v = o.if_contains("capabilities")) {
    if (!v->is_object())
      return invalid("registration: \"capabilities\" must be an object of name: true or false");
    if (v->get_object().size() > kMostCapabilities)
      return invalid("registration: more than " + std::to_string(kMostCapabilities) +
                     " capabilities");
    for (const auto& [name, on] : v->get_object()) {
      if (!on.is_bool())
        return invalid("registration: capability \"" + std::string(name) +
                       "\" must be true or false");
      r.capabilities.emplace(name, on.get_bool());
    }
  }
  r.concurrency = small_int(o, "concurrency");
  r.batch_size = small_int(o, "batch_size");
  r.version = get_string(o, "version");
  if (const auto* v = o.if_contains("protocol"); v != nullptr && v->is_object()) {
    r.protocol_min = static_cast<int>(get_int(v->get_object(), "min", kProtocolMin));
    r.protocol_max = static_cast<int>(get_int(v->get_object(), "max", kProtocolMax));
  }
  r.host = get_string(o, "host");
  r.pid = static_cast<int>(get_int(o, "pid"));
  r.arch = get_string(o, "arch");
  SKEP_TRY(only_objects(o, "registration", "types"));
  SKEP_TRY(only_objects(o, "registration", "withheld"));
  r.types = read_types(o, "types");
  r.withheld = read_types(o, "withheld");
  return r;
}

std::vector<ports::TaskType> types_and_withheld(const Registration& r) {
  std::vector<ports::TaskType> all = r.types;
  all.insert(all.end(), r.withheld.begin(), r.withheld.end());
  return all;
}

std::string encode(const RegistrationReply& r) {
  JsonOut out;
  out.object().key("protocol").integer(r.protocol);
  out.key("heartbeat_interval_seconds").number(r.heartbeat_interval_seconds);
  out.key("lease_seconds").number(r.lease_seconds).key("ack_echo").boolean(r.ack_echo);
  if (!r.credential.empty()) out.key("credential").str(r.credential);
  write_addressee(out, r.to);
  return out.end_object().take();
}

Result<RegistrationReply> decode_registration_reply(std::string_view body) {
  const auto o = parse_object(body, "registration reply");
  if (!o) return o.error();
  RegistrationReply r;
  r.protocol = static_cast<int>(get_int(*o, "protocol", kProtocolMax));
  r.heartbeat_interval_seconds = get_double(*o, "heartbeat_interval_seconds");
  r.lease_seconds = get_double(*o, "lease_seconds", r.lease_seconds);
  r.ack_echo = get_bool(*o, "ack_echo");
  r.credential = get_string(*o, "credential");
  r.to = read_addressee(*o);
  return r;
}

std::string encode(const Beat& b) {
  JsonOut out;
  out.object().key("worker_id").str(b.worker_id).key("incarnation").str(b.incarnation);
  out.key("seq").integer(b.seq).key("sent_at").str(to_iso(b.sent_ms)).key("tasks").array();
  for (const auto& t : b.tasks)
    lease_members(out.object(), t.lease).key("executing").boolean(t.executing).end_object();
  out.end_array().key("pool").object().key("size").integer(b.pool_size);
  out.key("busy").integer(b.busy).key("waiting").integer(b.waiting).end_object();
  out.key("errors_total").integer(b.errors_total).key("rss_bytes").integer(b.rss_bytes);
  out.key("draining").boolean(b.draining).key("spool").object();
  out.key("ready").integer(b.spool_ready).key("bytes").integer(b.spool_bytes);
  out.key("quarantined").integer(b.spool_quarantined).key("rejected").integer(b.spool_rejected);
  out.key("degraded").boolean(b.spool_degraded).key("oldest_at").time_or_null(b.spool_oldest_ms);
  out.end_object();
  // Older control planes know no such members.
  write_some(out, "troubles", b.troubles);
  write_some(out, "notices", b.notices);
  out.key("releases");
  write(out, b.releases);
  return out.end_object().take();
}

Result<Beat> decode_beat(std::string_view body) {
  const auto parsed = parse_object(body, "heartbeat");
  if (!parsed) return parsed.error();
  const json::object& o = *parsed;
  SKEP_TRY(
      only_known(o, "heartbeat",
                 {"worker_id", "incarnation", "seq", "sent_at", "tasks", "pool", "errors_total",
                  "rss_bytes", "draining", "spool", "troubles", "notices", "releases"}));
  SKEP_TRY(need_string(o, "heartbeat", "incarnation"));
  Beat b;
  b.worker_id = get_string(o, "worker_id");
  b.incarnation = get_string(o, "incarnation");
  b.seq = get_int(o, "seq");
  b.sent_ms = from_iso(get_string(o, "sent_at")).value_or(0);
  SKEP_TRY(only_objects(o, "heartbeat", "tasks"));
  for (const json::object* t : objects_of(o, "tasks"))
    b.tasks.push_back({lease_of(*t), get_bool(*t, "executing")});
  b.errors_total = get_int(o, "errors_total");
  b.rss_bytes = get_int(o, "rss_bytes");
  b.draining = get_bool(o, "draining");
  if (const auto* v = o.if_contains("pool"); v != nullptr && v->is_object()) {
    b.pool_size = static_cast<int>(get_int(v->get_object(), "size"));
    b.busy = static_cast<int>(get_int(v->get_object(), "busy"));
    b.waiting = static_cast<int>(get_int(v->get_object(), "waiting"));
  }
  if (const auto* v = o.if_contains("spool"); v != nullptr && v->is_object()) {
    const json::object& s = v->get_object();
    b.spool_ready = get_int(s, "ready");
    b.spool_bytes = get_int(s, "bytes");
    b.spool_quarantined = get_int(s, "quarantined");
    b.spool_rejected = get_int(s, "rejected");
    b.spool_degraded = get_bool(s, "degraded");
    b.spool_oldest_ms = from_iso(get_string(s, "oldest_at")).value_or(0);
  }
  b.troubles = read_some(o, "troubles");
  b.notices = read_some(o, "notices");
  if (const auto* v = o.if_contains("releases"); v != nullptr && v->is_object())
    b.releases = read_release_report(v->get_object());
  return b;
}

std::string_view to_string(WorkerMode m) {
  switch (m) {
    case WorkerMode::kActive:
      return "active";
    case WorkerMode::kPaused:
      return "paused";
    case WorkerMode::kDraining:
      return "draining";
  }
  return "active";
}

WorkerMode parse_mode(std::string_view word) {
  return word == "paused"     ? WorkerMode::kPaused
         : word == "draining" ? WorkerMode::kDraining
                              : WorkerMode::kActive;
}

std::string encode(const BeatReply& r) {
  JsonOut out;
  out.object().key("mode").str(to_string(r.mode));
  out.key("heartbeat_interval_seconds").number(r.heartbeat_interval_seconds);
  write_addressee(out, r.to);
  out.key("registry").integer(r.registry).key("tasks").array();
  for (const auto& [lease, verdict] : r.tasks)
    lease_members(out.object(), lease)
        .key("verdict")
        .str(kHeld[static_cast<std::size_t>(verdict)])
        .end_object();
  return out.end_array().end_object().take();
}

Result<BeatReply> decode_beat_reply(std::string_view body) {
  const auto o = parse_object(body, "heartbeat reply");
  if (!o) return o.error();
  BeatReply r;
  r.mode = parse_mode(get_string(*o, "mode"));
  r.heartbeat_interval_seconds = get_double(*o, "heartbeat_interval_seconds");
  r.registry = get_int(*o, "registry", -1);
  r.to = read_addressee(*o);
  for (const json::object* t : objects_of(*o, "tasks"))
    if (const auto verdict = lease_verdict(get_string(*t, "verdict")))
      r.tasks.emplace_back(lease_of(*t), *verdict);
  return r;
}

std::string encode(const ClaimRequest& r) {
  JsonOut out;
  out.object().key("incarnation").str(r.incarnation).key("max").integer(r.max);
  out.key("wait_seconds").number(r.wait_seconds).key("claim_id").str(r.claim_id);
  out.key("repeated").boolean(r.repeated).key("registry").integer(r.registry);
  out.key("held").array();
  for (const Lease& l : r.held) lease_members(out.object(), l).end_object();
  return out.end_array().end_object().take();
}

Result<ClaimRequest> decode_claim(std::string_view body) {
  const auto parsed = parse_object(body, "claim");
  if (!parsed) return parsed.error();
  const json::object& o = *parsed;
  SKEP_TRY(only_known(
      o, "claim",
      {"incarnation", "max", "wait_seconds", "held", "claim_id", "repeated", "registry"}));
  ClaimRequest r;
  r.incarnation = get_string(o, "incarnation");
  const std::int64_t max = get_int(o, "max", 1);
  if (max < 0 || max > 1000) return invalid("claim: \"max\" must be 0 to 1000");
  r.max = static_cast<std::uint32_t>(max);
  r.wait_seconds = get_double(o, "wait_seconds");
  if (r.wait_seconds < 0 || r.wait_seconds > 60)
    return invalid("claim: \"wait_seconds\" must be 0 to 60");
  r.claim_id = get_string(o, "claim_id");
  r.repeated = get_bool(o, "repeated");
  r.registry = get_int(o, "registry", -1);
  if (!r.claim_id.empty() && (!is_name(r.claim_id) || r.claim_id.size() > 64))
    return invalid("claim: \"claim_id\" must be letters, digits, '.', '_' or '-', at most 64");
  if (r.repeated && r.claim_id.empty())
    return invalid("claim: \"repeated\" needs the \"claim_id\" of the claim that it repeats");
  SKEP_TRY(only_objects(o, "claim", "held"));
  for (const json::object* t : objects_of(o, "held")) r.held.push_back(lease_of(*t));
  return r;
}

std::string encode(const ClaimReply& r) {
  JsonOut out;
  out.object().key("mode").str(to_string(r.mode)).key("registry").integer(r.registry);
  write_addressee(out, r.to);
  if (!r.claim_id.empty()) out.key("claim_id").str(r.claim_id);
  out.key("cancel").array();
  for (const Lease& l : r.cancel) lease_members(out.object(), l).end_object();
  out.end_array().key("tasks").array();
  for (const auto& t : r.tasks) {
    lease_members(out.object(), t.lease).key("type").str(t.type).key("params").raw(t.params);
    out.key("idempotency_key").str(t.idempotency_key);
    out.key("timeout_ms").integer(t.timeout_ms).end_object();
  }
  return out.end_array().end_object().take();
}

Result<ClaimReply> decode_claim_reply(std::string_view body) {
  // Nothing in it but keys and notes can be no UTF-8, and the tasks in it are leased: they must
  // run.
  const auto o = parse_object(is_utf8(body) ? std::string(body) : to_utf8(body), "claim reply");
  if (!o) return o.error();
  ClaimReply r;
  r.mode = parse_mode(get_string(*o, "mode"));
  r.registry = get_int(*o, "registry", -1);
  r.to = read_addressee(*o);
  r.claim_id = get_string(*o, "claim_id");
  for (const json::object* l : objects_of(*o, "cancel")) r.cancel.push_back(lease_of(*l));
  for (const json::object* t : objects_of(*o, "tasks"))
    r.tasks.push_back({lease_of(*t), get_string(*t, "type"), get_raw(*t, "params", "{}"),
                       get_string(*t, "idempotency_key"), get_int(*t, "timeout_ms")});
  return r;
}

std::string encode(const ReleaseRequest& r) {
  JsonOut out;
  out.object().key("incarnation").str(r.incarnation).key("tasks").array();
  for (const Lease& l : r.tasks) lease_members(out.object(), l).end_object();
  return out.end_array().end_object().take();
}

Result<ReleaseRequest> decode_release(std::string_view body) {
  const auto o = parse_object(body, "release");
  if (!o) return o.error();
  SKEP_TRY(only_known(*o, "release", {"incarnation", "tasks"}));
  ReleaseRequest r{get_string(*o, "incarnation"), {}};
  SKEP_TRY(only_objects(*o, "release", "tasks"));
  for (const json::object* t : objects_of(*o, "tasks")) r.tasks.push_back(lease_of(*t));
  return r;
}

}  // namespace skep::api
