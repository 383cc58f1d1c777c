#include "core/api/task_json.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/api/members.hpp"
#include "core/base/id.hpp"
#include "core/base/text.hpp"
#include "core/model/placement.hpp"

namespace skep::api {
namespace {

using model::TaskSpec;

constexpr std::int64_t kMaxTimeoutSeconds = 604'800;  // 7 days

/// An optional name such as site or worker id; null means "any".
Status read_name(const json::object& o, std::string_view what, std::string_view key,
                 std::string& out) {
  const auto* v = o.if_contains(key);
  if (v == nullptr || v->is_null()) return {};
  if (!v->is_string()) return wrong_member(what, key, "a string");
  const std::string name(v->get_string());
  if (name.empty()) return wrong_member(what, key, "a name; leave it out for any");
  if (!is_name(name))
    return wrong_member(what, key, "letters, digits, '.', '_' or '-', at most 128");
  if (!out.empty() && out != name)
    return invalid(std::string(what) + ": \"site\" and \"site_name\" differ; give one of them");
  out = name;
  return {};
}

/// An instant. Within a task 0 says that there is none, so nobody may name it.
Status read_time(const json::object& o, std::string_view what, std::string_view key, WallMs& out) {
  const auto* v = o.if_contains(key);
  if (v == nullptr || v->is_null()) return {};
  const auto t = v->is_string() ? from_iso(v->get_string()) : std::nullopt;
  if (!t || *t <= 0)
    return wrong_member(what, key, "a UTC time such as 2026-01-10T12:34:56Z, after 1970");
  out = *t;
  return {};
}

Status read_priority(const json::object& o, std::string_view what, int& out) {
  const auto* v = o.if_contains("priority");
  if (v == nullptr || v->is_null()) return {};
  const std::string word = v->is_string()  ? std::string(v->get_string())
                           : v->is_int64() ? std::to_string(v->get_int64())
                                           : std::string("?");
  const auto p = model::parse_priority(word);
  if (!p) {
    const std::vector<std::string> words{"low", "normal", "high", "critical"};
    const std::string near = nearest(word, words);
    return wrong_member(what, "priority",
                        "low, normal, high, critical or 0 to 9" +
                            (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
  }
  out = *p;
  return {};
}

Status read_requirements(const json::object& o, std::string_view what, TaskSpec& spec) {
  const auto* v = o.if_contains("requires");
  if (v == nullptr || v->is_null()) return {};
  if (!v->is_array() || v->get_array().size() > 32)
    return wrong_member(what, "requires", "an array of at most 32 capability names");
  for (const auto& item : v->get_array()) {
    if (!item.is_string() || !is_name(item.get_string()))
      return wrong_member(what, "requires", "an array of capability names such as [\"docker\"]");
    spec.requirements.emplace_back(item.get_string());
  }
  std::sort(spec.requirements.begin(), spec.requirements.end());
  spec.requirements.erase(std::unique(spec.requirements.begin(), spec.requirements.end()),
                          spec.requirements.end());
  return {};
}

Status read_timeout(const json::object& o, std::string_view what, TaskSpec& spec) {
  const auto* v = o.if_contains("timeout_seconds");
  if (v == nullptr || v->is_null()) return {};
  const double seconds = v->is_number() ? v->to_number<double>() : -1;
  if (!(seconds > 0) || seconds > static_cast<double>(kMaxTimeoutSeconds))
    return wrong_member(what, "timeout_seconds", "a number above 0, at most 604800 (7 days)");
  spec.timeout_ms = std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds * 1000));
  return {};
}

Status read_params(const json::object& o, std::string_view what, TaskSpec& spec) {
  const auto* v = o.if_contains("params");
  if (v == nullptr || v->is_null()) return {};
  if (!v->is_object()) return wrong_member(what, "params", "an object");
  spec.params = json::serialize(*v);
  return {};
}

Status read_key(const json::object& o, std::string_view what, TaskSpec& spec) {
  const auto* v = o.if_contains("idempotency_key");
  if (v == nullptr || v->is_null()) return {};
  if (!v->is_string() || v->get_string().empty() || v->get_string().size() > 256)
    return wrong_member(what, "idempotency_key", "a string of 1 to 256 bytes");
  spec.idempotency_key = std::string(v->get_string());
  return {};
}

void encode_members(JsonOut& out, const model::Task& t) {
  const auto ended = t.finished_ms > 0 && t.started_ms > 0;
  out.key("id").str(t.id).key("type").str(t.spec.type);
  // What waits for its first attempt was asked to: it has not failed.
  const bool scheduled = t.state == model::TaskState::kWaiting && t.attempt == 0;
  out.key("status").str(model::public_status(t.state));
  out.key("state").str(scheduled ? "scheduled" : to_string(t.state));
  out.key("site").str_or_null(t.spec.site);
  out.key("worker_id").str_or_null(t.worker_id.empty() ? t.spec.target_worker : t.worker_id);
  out.key("attempt").integer(t.attempt).key("tries_used").integer(t.tries_used);
  out.key("max_attempts").integer(t.spec.max_attempts);
  out.key("priority").integer(t.spec.priority).key("requires").array();
  for (const std::string& r : t.spec.requirements)
    if (!model::is_acceptance(r)) out.str(r);
  out.end_array().key("accepted_by").array();
  for (const std::string& id : model::accepting_schemas(t.spec)) out.str(id);
  out.end_array().key("created_at").time_or_null(t.created_ms);
  out.key("run_at").time_or_null(t.spec.run_at_ms);
  out.key("expires_at").time_or_null(t.spec.expires_ms);
  out.key("claimed_at").time_or_null(t.claimed_ms);
  out.key("started_at").time_or_null(t.started_ms);
  out.key("finished_at").time_or_null(t.finished_ms).key("duration_ms");
  if (ended)
    out.integer(t.finished_ms - t.started_ms);
  else
    out.null();
  out.key("timeout_seconds");
  if (t.spec.timeout_ms > 0)
    out.number(static_cast<double>(t.spec.timeout_ms) / 1000);
  else
    out.null();
  out.key("idempotency_key").str_or_null(t.spec.idempotency_key);
  out.key("params").raw(t.spec.params).key("result").raw(t.result).key("error").raw(t.error);
}

}  // namespace

Result<TaskSpec> decode_task_spec(const json::value& v, std::string_view what,
                                  int default_attempts) {
  if (!v.is_object()) return invalid(std::string(what) + ": expected a JSON object");
  const json::object& o = v.get_object();
  SKEP_TRY(
      only_known(o, what,
                 {"type", "params", "site", "site_name", "worker_id", "requires", "priority",
                  "timeout_seconds", "max_attempts", "run_at", "expires_at", "idempotency_key"}));
  SKEP_TRY(need_string(o, what, "type"));
  TaskSpec spec;
  spec.type = get_string(o, "type");
  SKEP_TRY(read_params(o, what, spec));
  SKEP_TRY(read_name(o, what, "site_name", spec.site));
  SKEP_TRY(read_name(o, what, "site", spec.site));
  SKEP_TRY(read_name(o, what, "worker_id", spec.target_worker));
  SKEP_TRY(read_requirements(o, what, spec));
  SKEP_TRY(read_priority(o, what, spec.priority));
  SKEP_TRY(read_timeout(o, what, spec));
  std::int64_t attempts = default_attempts;
  SKEP_TRY(read_int(o, what, "max_attempts", 1, 100, attempts));
  spec.max_attempts = static_cast<int>(attempts);
  SKEP_TRY(read_time(o, what, "run_at", spec.run_at_ms));
  SKEP_TRY(read_time(o, what, "expires_at", spec.expires_ms));
  SKEP_TRY(read_key(o, what, spec));
  return spec;
}

void encode_task(JsonOut& out, const model::Task& task) {
  encode_members(out.object(), task);
  out.end_object();
}

std::string encode_task(const model::Task& task) {
  JsonOut out;
  encode_task(out, task);
  return out.take();
}

std::string encode_tasks(std::span<const model::Task> tasks, std::string_view next_cursor) {
  JsonOut out;
  out.object().key("items").array();
  for (const auto& t : tasks) encode_task(out, t);
  return out.end_array().key("next_cursor").str_or_null(next_cursor).end_object().take();
}

std::string encode_task(const model::Task& task, std::span<const ports::AttemptRow> attempts) {
  JsonOut out;
  encode_members(out.object(), task);
  out.key("attempts").array();
  for (const auto& a : attempts) {
    out.object().key("attempt").integer(a.attempt).key("worker_id").str(a.worker_id);
    out.key("outcome").str_or_null(a.outcome).key("error").raw(a.error);
    out.key("claimed_at").time_or_null(a.claimed_ms).key("started_at").time_or_null(a.started_ms);
    out.key("finished_at").time_or_null(a.finished_ms).end_object();
  }
  return out.end_array().end_object().take();
}

bool refuses_params(std::string_view error) {
  const auto parsed = parse_json(error);
  const auto* o = parsed ? parsed->if_object() : nullptr;
  return o != nullptr && get_string(*o, "code") == "invalid" && o->contains("errors");
}

std::string task_error(std::string_view code, std::string_view message,
                       std::string_view cancelled_by) {
  JsonOut out;
  out.object().key("code").str(code).key("message").str(message);
  if (!cancelled_by.empty()) out.key(kCancelledBy).str(cancelled_by);
  return out.end_object().take();
}

namespace {

shape::Members task_members() {
  using namespace shape;
  return {{"id", kText},
          {"type", kText},
          {"status", status_shape()},
          {"state", word({"scheduled", "queued", "retry_wait", "claimed", "executing", "suspect",
                          "succeeded", "failed", "cancelled", "dead"})},
          {"site", kTextOrNull},
          {"worker_id", kTextOrNull},
          {"attempt", told(kInt, "Grows at every claim.")},
          {"tries_used", kInt},
          {"max_attempts", kInt},
          {"priority", kInt},
          {"requires", kTexts},
          {"accepted_by", told(kTexts,
                               "Schemas of its type (GET /api/task-types) that its params "
                               "fit; workers by others do not get it.")},
          {"created_at", kTimeOrNull},
          {"run_at", kTimeOrNull},
          {"expires_at", kTimeOrNull},
          {"claimed_at", kTimeOrNull},
          {"started_at", kTimeOrNull},
          {"finished_at", kTimeOrNull},
          {"duration_ms", kIntegerOrNull},
          {"timeout_seconds", kNumberOrNull},
          {"idempotency_key", kTextOrNull},
          {"params", kAnyObject},
          {"result", told(kAny, "The plugin's document, or null.")},
          {"error", ref("TaskError")}};
}

Document task_spec_document() {
  using namespace shape;
  constexpr std::string_view kName =
      R"({"type":["string","null"],"maxLength":128,"pattern":"^[A-Za-z0-9][A-Za-z0-9._-]*$"})";
  return {
      "TaskSpec",
      request(
          {{"type", R"({"type":"string","minLength":1})"},
           {"params", told(kObjectOrNull, "Checked against the type's schema.")},
           {"site", told(kName, "Where it may run; any when not given.")},
           {"site_name", told(kName, "The same as site.")},
           {"worker_id", told(kName, "Who may run it; any when not given.")},
           {"requires", R"({"type":["array","null"],"maxItems":32,"items":{"type":"string",)"
                        R"("maxLength":128,"pattern":"^[A-Za-z0-9][A-Za-z0-9._-]*$"}})"},
           {"priority",
            R"({"enum":["low","normal","high","critical","0","1","2","3","4","5","6","7","8","9",)"
            R"(0,1,2,3,4,5,6,7,8,9,null],"type":["string","integer","null"]})"},
           {"timeout_seconds",
            told(R"({"type":["number","null"],"minimum":0,"maximum":604800})", "Above 0.")},
           {"max_attempts", R"({"type":["integer","null"],"minimum":1,"maximum":100})"},
           {"run_at", kTimeOrNull},
           {"expires_at", kTimeOrNull},
           {"idempotency_key", R"({"type":["string","null"],"minLength":1,"maxLength":256})"}},
          {"type"})};
}

}  // namespace

std::string status_shape() {
  return shape::word(
      {"queued", "claimed", "executing", "succeeded", "failed", "cancelled", "dead"});
}

Documents task_documents() {
  using namespace shape;
  Members detail = task_members();
  detail.push_back({"attempts", array(ref("Attempt"))});
  return {
      task_spec_document(),
      {"TaskSubmission",
       either({ref("TaskSpec"), R"({"type":"array","minItems":1,"maxItems":10000,"items":)" +
                                    ref("TaskSpec") + "}"})},
      {"TaskReceipt", either({ref("Task"), ref("SubmittedTasks")})},
      {"TaskError", R"({"type":["object","null"],"properties":{"code":{"type":"string"},"message":)"
                    R"({"type":"string"}},"additionalProperties":true})"},
      {"Task", answer(task_members())},
      {"TaskList", page("Task")},
      {"Attempt", answer({{"attempt", kInt},
                          {"worker_id", kText},
                          {"outcome", kTextOrNull},
                          {"error", ref("TaskError")},
                          {"claimed_at", kTimeOrNull},
                          {"started_at", kTimeOrNull},
                          {"finished_at", kTimeOrNull}})},
      {"TaskDetail", answer(detail)},
  };
}

}  // namespace skep::api
