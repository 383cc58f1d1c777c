#include "core/api/wire_documents.hpp"

namespace skep::api {
namespace {

std::string mode_shape() { return shape::word({"active", "paused", "draining"}); }

shape::Members lease_and(const shape::Members& more = {}) {
  using namespace shape;
  Members all{{"task_id", kText}, {"attempt", kInteger}, {"lease_id", kText}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Document registration_shape() {
  using namespace shape;
  return {
      "Registration",
      request({{"worker_id", R"({"type":"string","minLength":1})"},
               {"incarnation", told(R"({"type":"string","minLength":1})",
                                    "New at each process start; later ones sort higher.")},
               {"site", kText},
               {"capabilities", map(kBoolean)},
               {"concurrency", R"({"type":"integer","minimum":1,"maximum":1024})"},
               {"batch_size", kInteger},
               {"version", kText},
               {"protocol",
                told(part({{"min", kInteger}, {"max", kInteger}}), "The versions that it speaks.")},
               {"host", kText},
               {"pid", kInteger},
               {"arch", told(kText, "As uname -m says.")},
               {"types", array(part({{"name", kText},
                                     {"version", kText},
                                     {"description", kText},
                                     {"default_timeout_ms", kInteger},
                                     {"params_schema", told(kObject, "JSON Schema.")}}))}},
              {"worker_id", "incarnation", "concurrency"}),
  };
}

Document beat_shape() {
  using namespace shape;
  const std::string artifact = part({{"kind", word({"script", "plugin"})},
                                     {"name", kText},
                                     {"sha256", kText},
                                     {"state", word({"pending", "fetched", "active", "failed"})},
                                     {"reason", kTextOrNull}});
  return {"Beat",
          request({{"worker_id", kText},
                   {"incarnation", R"({"type":"string","minLength":1})"},
                   {"seq", kInteger},
                   {"sent_at", kTime},
                   {"tasks", array(part(lease_and({{"executing", kBoolean}})))},
                   {"pool", part({{"size", kInteger}, {"busy", kInteger}, {"waiting", kInteger}})},
                   {"errors_total", kInteger},
                   {"rss_bytes", kInteger},
                   {"draining", kBoolean},
                   {"spool", part({{"ready", kInteger},
                                   {"bytes", kInteger},
                                   {"quarantined", kInteger},
                                   {"rejected", kInteger},
                                   {"degraded", kBoolean},
                                   {"oldest_at", kTimeOrNull}})},
                   {"artifacts", told(part({{"revision", kInteger}, {"items", array(artifact)}}),
                                      "What it has of the registry.")}},
                  {"incarnation"})};
}

Document claim_request_shape() {
  using namespace shape;
  return {"ClaimRequest",
          request({{"incarnation", kText},
                   {"max", told(R"({"type":"integer","minimum":0,"maximum":1000})",
                                "0: only news, no tasks.")},
                   {"wait_seconds", R"({"type":"number","minimum":0,"maximum":60})"},
                   {"held", told(array(part(lease_and())), "The attempts it has.")},
                   {"claim_id", told(R"({"type":"string","maxLength":64})",
                                     "The worker's name for this claim.")},
                   {"repeated", told(kBoolean, "The reply was lost: the same tasks again.")},
                   {"registry", told(kInteger, "The revision that it has heard of; -1: none.")}},
                  {"incarnation"})};
}

Document envelope_shape() {
  using namespace shape;
  return {"Envelope",
          request({{"v", kInteger},
                   {"payload_type", word({"facts", "logs", "execution_result", "health"})},
                   {"task_id", kText},
                   {"attempt", kInteger},
                   {"lease_id", kText},
                   {"worker_id", R"({"type":"string","minLength":1})"},
                   {"incarnation", kText},
                   {"site", kText},
                   {"seq", kInteger},
                   {"idempotency_key", R"({"type":"string","minLength":1})"},
                   {"created_at", kTime},
                   {"boot_ms", kInteger},
                   {"payload", told(kObject,
                                    "Of an execution_result: an Outcome; of logs: a "
                                    "LogChunk.")},
                   {"sha256", kText}},
                  {"payload_type", "worker_id", "idempotency_key", "payload"})};
}

Documents wire_payloads() {
  using namespace shape;
  return {
      {"Outcome", part({{"outcome", word({"succeeded", "failed", "cancelled"})},
                        {"result", kAny},
                        {"error", ref("TaskError")},
                        {"retryable", kBoolean},
                        {"retry_after_ms", kInteger},
                        {"queued_ms", kInteger},
                        {"duration_ms", kInteger}})},
      {"LogChunk", part({{"chunk", told(kInteger, "Counts from 0 within one attempt.")},
                         {"entries", array(part({{"stream", kText}, {"text", kText}}))}})},
  };
}

Documents wire_replies() {
  using namespace shape;
  const std::string verdict = word({"held", "lost", "unknown"});
  return {
      {"RegistrationReply",
       answer({{"protocol", kInteger},
               {"heartbeat_interval_seconds", told(kNumber, "0 leaves it to the worker.")},
               {"lease_seconds", kNumber},
               {"ack_echo", kBoolean}})},
      {"BeatReply",
       answer({{"mode", mode_shape()},
               {"heartbeat_interval_seconds", kNumber},
               {"registry", told(kInteger, "Revision of its artifacts; -1: not said.")},
               {"tasks", array(answer(lease_and({{"verdict", verdict}})))}})},
      {"ClaimReply", answer({{"mode", mode_shape()},
                             {"registry", kInteger},
                             {"cancel", told(array(answer(lease_and())), "Attempts to stop.")},
                             {"tasks", array(answer(lease_and({{"type", kText},
                                                               {"params", kObject},
                                                               {"idempotency_key", kText},
                                                               {"timeout_ms", kInteger}})))}})},
      {"Ack", answer({{"ack", told(kTextOrNull, "The envelope's key: delete your copy.")},
                      {"task_id", kTextOrNull},
                      {"verdict", kTextOrNull},
                      {"status", kInteger},
                      {"error", ref("Problem")}},
                     {"error"})},
      {"AckList", items("Ack")},
      {"ResultsReply", either({ref("Ack"), ref("AckList")})},
  };
}

}  // namespace

Documents wire_documents() {
  using namespace shape;
  Documents all{
      registration_shape(),
      beat_shape(),
      claim_request_shape(),
      {"ReleaseRequest",
       request({{"incarnation", kText}, {"tasks", array(part(lease_and()))}}, {"incarnation"})},
      envelope_shape(),
      {"ResultsRequest", either({ref("Envelope"), array(ref("Envelope"))})},
      {"DesiredArtifact", answer({{"kind", word({"script", "plugin"})},
                                  {"name", kText},
                                  {"version", kText},
                                  {"sha256", kText},
                                  {"size", kInteger},
                                  {"signature", kTextOrNull}})},
      {"DesiredArtifacts",
       answer({{"revision", kInteger}, {"items", array(ref("DesiredArtifact"))}})},
  };
  for (const Documents& more : {wire_payloads(), wire_replies()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace skep::api
