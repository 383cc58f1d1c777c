#include "core/api/wire_documents.hpp"

namespace skep::api {
namespace {

std::string mode_shape() { return shape::word({"active", "paused", "draining"}); }

shape::Members lease_and(const shape::Members& more = {}) {
  using namespace shape;
  Members all{{"task_id", kText}, {"attempt", kInt}, {"lease_id", kText}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Document registration_shape() {
  using namespace shape;
  const std::string types = array(part({{"name", kText},
                                        {"version", kText},
                                        {"description", kText},
                                        {"default_timeout_ms", kInt},
                                        {"params_schema", told(kAnyObject, "JSON Schema.")}}));
  return {
      "Registration",
      request(
          {{"worker_id", R"({"type":"string","minLength":1})"},
           {"incarnation", told(R"({"type":"string","minLength":1})",
                                "New at each process start; later ones sort higher.")},
           {"site", kText},
           {"capabilities", told(map(kBool), "By names as in a task's requires.")},
           {"concurrency", R"({"type":"integer","minimum":1,"maximum":1024})"},
           {"batch_size", kInt},
           {"version", kText},
           {"protocol", told(part({{"min", kInt}, {"max", kInt}}), "The versions that it speaks.")},
           {"host", kText},
           {"pid", kInt},
           {"arch", told(kText, "As uname -m says.")},
           {"types", types},
           {"withheld", told(types, "It has these, too, and takes no task of theirs for now.")}},
          {"worker_id", "incarnation", "concurrency"}),
  };
}

Document beat_shape() {
  using namespace shape;
  const std::string release = part({{"kind", word({"script", "plugin"})},
                                    {"name", kText},
                                    {"sha256", kText},
                                    {"state", word({"pending", "fetched", "active", "failed"})},
                                    {"reason", kTextOrNull}});
  return {"Beat",
          request({{"worker_id", kText},
                   {"incarnation", R"({"type":"string","minLength":1})"},
                   {"seq", kInt},
                   {"sent_at", kTime},
                   {"tasks", array(part(lease_and({{"executing", kBool}})))},
                   {"pool", part({{"size", kInt}, {"busy", kInt}, {"waiting", kInt}})},
                   {"errors_total", kInt},
                   {"rss_bytes", kInt},
                   {"draining", kBool},
                   {"spool", part({{"ready", kInt},
                                   {"bytes", kInt},
                                   {"quarantined", kInt},
                                   {"rejected", kInt},
                                   {"degraded", kBool},
                                   {"oldest_at", kTimeOrNull}})},
                   {"troubles", told(kTexts, "Why it takes no tasks; missing when it does.")},
                   {"notices", told(kTexts,
                                    "What else is wrong: it keeps the worker from no task, "
                                    "or from those of one type.")},
                   {"releases", told(part({{"revision", kInt}, {"items", array(release)}}),
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
                   {"repeated", told(kBool, "The reply was lost: the same tasks again.")},
                   {"registry", told(kInt, "The revision that it has heard of; -1: none.")}},
                  {"incarnation"})};
}

Document envelope_shape() {
  using namespace shape;
  return {"Envelope",
          request({{"v", kInt},
                   {"payload_type", word({"facts", "logs", "execution_result", "health"})},
                   {"task_id", kText},
                   {"attempt", kInt},
                   {"lease_id", kText},
                   {"worker_id", R"({"type":"string","minLength":1})"},
                   {"incarnation", kText},
                   {"site", kText},
                   {"seq", kInt},
                   {"idempotency_key", R"({"type":"string","minLength":1})"},
                   {"created_at", kTime},
                   {"boot_ms", kInt},
                   {"payload", told(kAnyObject,
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
                        {"retryable", kBool},
                        {"retry_after_ms", kInt},
                        {"queued_ms", kInt},
                        {"duration_ms", kInt},
                        {"artifacts", told(array(ref("Artifact")),
                                           "Their bytes came before: PUT "
                                           "/api/workers/{id}/artifacts/{sha256}.")}})},
      {"LogChunk",
       part({{"chunk", told(kInt, "Counts from 0 within one attempt.")},
             {"entries", array(part({{"stream", kText}, {"text", kText}, {"base64", kText}}))}})},
  };
}

Documents wire_replies() {
  using namespace shape;
  const std::string verdict = word({"held", "lost", "unknown"});
  return {
      {"RegistrationReply",
       answer({{"protocol", kInt},
               {"heartbeat_interval_seconds", told(kReal, "0 leaves it to the worker.")},
               {"lease_seconds", kReal},
               {"ack_echo", kBool},
               {"credential", told(kText,
                                   "The bearer token of this worker from now on; the former "
                                   "one is good until this one was used.")},
               {"to", ref("Addressee")}},
              {"credential"})},
      {"BeatReply", answer({{"mode", mode_shape()},
                            {"heartbeat_interval_seconds", kReal},
                            {"registry", told(kInt, "Revision of its releases; -1: not said.")},
                            {"to", ref("Addressee")},
                            {"tasks", array(answer(lease_and({{"verdict", verdict}})))}})},
      {"ClaimReply",
       answer({{"mode", mode_shape()},
               {"registry", kInt},
               {"to", ref("Addressee")},
               {"claim_id", told(kText, "Of the request; a reply to another claim is void.")},
               {"cancel", told(array(answer(lease_and())), "Attempts to stop.")},
               {"tasks", array(answer(lease_and({{"type", kText},
                                                 {"params", kAnyObject},
                                                 {"idempotency_key", kText},
                                                 {"timeout_ms", kInt}})))}},
              {"claim_id"})},
      {"Ack", answer({{"key", told(kTextOrNull, "The envelope's idempotency key.")},
                      {"ack", told(kTextOrNull, "The same when it was taken: delete your copy.")},
                      {"task_id", kTextOrNull},
                      {"verdict", kTextOrNull},
                      {"status", kInt},
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
      {"Addressee", told(answer({{"worker_id", kText}, {"incarnation", kText}}),
                         "Whom the answer is for; act on no other.")},
      {"DesiredRelease", answer({{"kind", word({"script", "plugin"})},
                                 {"name", kText},
                                 {"version", kText},
                                 {"sha256", kText},
                                 {"size", kInt},
                                 {"signature", kTextOrNull}})},
      {"DesiredReleases", answer({{"revision", kInt},
                                  {"to", ref("Addressee")},
                                  {"items", array(ref("DesiredRelease"))}})},
  };
  for (const Documents& more : {wire_payloads(), wire_replies()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace skep::api
