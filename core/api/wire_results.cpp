// Envelopes, what is in them, and the answers to them.
#include <algorithm>
#include <boost/json.hpp>

#include "core/api/artifact_json.hpp"
#include "core/api/members.hpp"
#include "core/api/task_json.hpp"
#include "core/api/wire.hpp"
#include "core/api/wire_parts.hpp"

namespace skep::api {
namespace {

constexpr std::int64_t kMostRetryMs = 604'800'000;  ///< 7 days, as the longest timeout

JsonOut& ack_members(JsonOut& out, const Ack& a) {
  out.object().key("key").str_or_null(a.key.empty() ? a.ack : a.key);
  out.key("ack").str_or_null(a.ack).key("task_id").str_or_null(a.task_id);
  out.key("verdict").str_or_null(a.verdict).key("status").integer(a.status);
  if (!a.error.empty()) out.key("error").raw(a.error);
  return out.end_object();
}

}  // namespace

std::string encode(const model::Envelope& e) {
  JsonOut out;
  out.object().key("v").integer(1).key("payload_type").str(to_string(e.payload_type));
  lease_members(out, e.lease).key("worker_id").str(e.worker_id);
  out.key("incarnation").str(e.incarnation).key("site").str(e.site).key("seq").integer(e.seq);
  out.key("idempotency_key").str(e.idempotency_key);
  out.key("created_at").str(to_iso(e.created_ms)).key("payload").raw(e.payload);
  return out.end_object().take();
}

std::string encode(const std::vector<std::string>& envelopes) {
  JsonOut out;
  out.array();
  for (const std::string& e : envelopes) out.raw(e);
  return out.end_array().take();
}

Result<model::Envelope> decode_envelope(const json::value& v) {
  if (!v.is_object()) return invalid("envelope: expected a JSON object");
  const json::object& o = v.get_object();
  SKEP_TRY(
      only_known(o, "envelope",
                 {"v", "payload_type", "task_id", "attempt", "lease_id", "worker_id", "incarnation",
                  "site", "seq", "idempotency_key", "created_at", "boot_ms", "payload", "sha256"}));
  SKEP_TRY(need_string(o, "envelope", "payload_type"));
  SKEP_TRY(need_string(o, "envelope", "worker_id"));
  SKEP_TRY(need_string(o, "envelope", "idempotency_key"));
  const std::string word = get_string(o, "payload_type");
  const auto type = model::parse_payload_type(word);
  if (!type)
    return Error{Code::kInvalid,
                 "envelope: payload_type \"" + word +
                     "\" is not one of facts, logs, execution_result, health",
                 "unknown-payload-type"};
  const auto* payload = o.if_contains("payload");
  if (payload == nullptr || !payload->is_object())
    return invalid("envelope: \"payload\" must be an object");
  model::Envelope e;
  e.payload_type = *type;
  e.lease = lease_of(o);
  e.worker_id = get_string(o, "worker_id");
  e.incarnation = get_string(o, "incarnation");
  e.site = get_string(o, "site");
  e.seq = get_int(o, "seq");
  e.idempotency_key = get_string(o, "idempotency_key");
  e.created_ms = from_iso(get_string(o, "created_at")).value_or(0);
  e.payload = json::serialize(*payload);
  return e;
}

std::string encode(const model::Outcome& o) {
  JsonOut out;
  out.object().key("outcome").str(to_string(o.kind)).key("result").raw(o.result);
  out.key("error").raw(o.error).key("retryable").boolean(o.retryable);
  out.key("retry_after_ms").integer(o.retry_after_ms).key("queued_ms").integer(o.queued_ms);
  out.key("duration_ms").integer(o.duration_ms);
  if (o.output_chunks > 0) out.key("output_chunks").integer(o.output_chunks);
  if (!o.artifacts.empty()) write(out.key("artifacts"), o.artifacts);
  return out.end_object().take();
}

Result<model::Outcome> decode_outcome(std::string_view payload) {
  const auto parsed = parse_object(payload, "execution_result");
  if (!parsed) return parsed.error();
  const json::object& o = *parsed;
  const auto kind = model::parse_outcome(get_string(o, "outcome"));
  if (!kind) return invalid("execution_result: \"outcome\" must be succeeded, failed or cancelled");
  model::Outcome out;
  out.kind = *kind;
  if (const auto* v = o.if_contains("result"); v != nullptr && !v->is_null())
    out.result = json::serialize(*v);
  if (const auto* v = o.if_contains("error"); v != nullptr && !v->is_null()) {
    if (!v->is_object()) return invalid("execution_result: \"error\" must be an object or null");
    json::object error = v->get_object();
    error.erase(kCancelledBy);  // only the control plane knows
    out.error = json::serialize(error);
  }
  out.retryable = get_bool(o, "retryable");
  out.retry_after_ms = std::clamp<std::int64_t>(get_int(o, "retry_after_ms"), 0, kMostRetryMs);
  out.queued_ms = std::max<std::int64_t>(0, get_int(o, "queued_ms"));
  out.duration_ms = std::max<std::int64_t>(0, get_int(o, "duration_ms"));
  out.output_chunks = std::max<std::int64_t>(0, get_int(o, "output_chunks"));
  auto artifacts = read_artifacts(o, "artifacts");
  if (!artifacts) return artifacts.error().within("execution_result");
  out.artifacts = std::move(*artifacts);
  return out;
}

std::string encode(const LogChunk& c) {
  JsonOut out;
  out.object().key("chunk").integer(c.chunk).key("entries").array();
  for (const LogEntry& e : c.entries) {
    output_members(out.object().key("stream").str(e.stream), e.text);
    out.end_object();
  }
  return out.end_array().end_object().take();
}

Result<LogChunk> decode_log_chunk(std::string_view payload) {
  const auto o = parse_object(payload, "logs");
  if (!o) return o.error();
  LogChunk c{get_int(*o, "chunk"), {}};
  for (const json::object* e : objects_of(*o, "entries"))
    c.entries.push_back({get_string(*e, "stream", "stdout"), output_of(*e)});
  return c;
}

std::string key_of_envelope(const json::value& v) {
  return v.is_object() ? get_string(v.get_object(), "idempotency_key") : std::string();
}

std::vector<model::Artifact> artifacts_of_envelope(const json::value& v) {
  const auto* o = v.if_object();
  const auto* payload = o == nullptr ? nullptr : o->if_contains("payload");
  if (payload == nullptr || !payload->is_object()) return {};
  auto artifacts = read_artifacts(payload->get_object(), "artifacts");
  return artifacts ? std::move(*artifacts) : std::vector<model::Artifact>{};
}

model::Lease lease_of_envelope(const json::value& v) {
  return v.is_object() ? lease_of(v.get_object()) : model::Lease{};
}

std::string encode(const Ack& a) {
  JsonOut out;
  return ack_members(out, a).take();
}

std::string encode_refused(const Ack& a) {
  JsonOut key;
  key.object().key("key").str_or_null(a.key);
  return key.take() + "," + a.error.substr(1);
}

std::string encode(const std::vector<Ack>& acks) {
  JsonOut out;
  out.object().key("items").array();
  for (const Ack& a : acks) ack_members(out, a);
  return out.end_array().end_object().take();
}

Result<std::vector<Ack>> decode_acks(std::string_view body) {
  const auto o = parse_object(body, "answer to results");
  if (!o) return o.error();
  const auto one = [](const json::object& a) {
    return Ack{get_string(a, "ack"),     get_string(a, "verdict"),
               get_string(a, "task_id"), small_int(a, "status"),
               get_raw(a, "error"),      get_string(a, "key", get_string(a, "ack"))};
  };
  std::vector<Ack> out;
  if (!o->contains("items")) {
    out.push_back(one(*o));
    return out;
  }
  for (const json::object* a : objects_of(*o, "items")) out.push_back(one(*a));
  return out;
}

}  // namespace skep::api
