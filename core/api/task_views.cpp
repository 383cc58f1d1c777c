#include "core/api/task_views.hpp"

#include "core/api/task_json.hpp"
#include "core/api/wire_parts.hpp"
#include "core/base/json.hpp"

namespace skep::api {

std::string encode(std::span<const Submitted> submitted) {
  JsonOut out;
  out.object().key("items").array();
  for (const auto& s : submitted) {
    out.object().key("id").str(s.task.id).key("status");
    out.str(model::public_status(s.task.state)).key("type").str(s.task.spec.type).end_object();
  }
  return out.end_array().end_object().take();
}

std::string encode(const LogPage& page) {
  JsonOut out;
  out.object().key("items").array();
  for (const LogRow& row : page.rows) {
    for (const LogEntry& entry : row.entries) {
      out.object().key("attempt").integer(row.attempt).key("chunk").integer(row.chunk);
      output_members(out.key("stream").str(entry.stream), entry.text);
      out.key("at").str(to_iso(row.received_ms)).end_object();
    }
  }
  out.end_array().key("next_cursor").str(page.next_cursor);
  return out.key("ended").boolean(page.ended).end_object().take();
}

std::string encode(const Explanation& e) {
  JsonOut out;
  out.object().key("id").str(e.task.id);
  out.key("status").str(model::public_status(e.task.state));
  out.key("summary").str(e.summary).key("next").str(e.next).key("workers").array();
  for (const Explanation::Line& line : e.workers) {
    out.object().key("worker_id").str(line.worker_id).key("eligible").boolean(line.eligible);
    out.key("reason").str_or_null(line.reason).end_object();
  }
  return out.end_array().end_object().take();
}

namespace {

void write_schema(JsonOut& out, const TaskTypeVersion& v) {
  out.key("version").str(v.type.version).key("schema").str(v.schema_id);
  out.key("params_schema").raw(v.type.params_schema);
}

}  // namespace

std::string encode(std::span<const std::vector<TaskTypeVersion>> types) {
  JsonOut out;
  out.object().key("items").array();
  for (const auto& versions : types) {
    const TaskTypeVersion& newest = versions.front();
    out.object().key("name").str(newest.type.name);
    out.key("description").str(newest.type.description);
    write_schema(out, newest);
    out.key("versions").array();
    for (const TaskTypeVersion& v : versions) {
      write_schema(out.object(), v);
      out.end_object();
    }
    out.end_array().end_object();
  }
  return out.end_array().end_object().take();
}

Documents task_view_documents() {
  using namespace shape;
  const Members version{
      {"version", told(kText, "Of its plugin.")},
      {"schema", told(kText, "Names the params_schema, in accepted_by of tasks.")},
      {"params_schema", told(kAnyObject, "JSON Schema of the type's params.")}};
  Members type{{"name", kText}, {"description", kText}};
  type.insert(type.end(), version.begin(), version.end());
  type.emplace_back("versions", told(array(ref("TaskTypeVersion")),
                                     "Those in use, newest first; the newest is told above."));
  return {
      {"SubmittedTask", answer({{"id", kText}, {"status", status_shape()}, {"type", kText}})},
      {"SubmittedTasks", items("SubmittedTask")},
      {"LogLine", answer({{"attempt", kInt},
                          {"chunk", kInt},
                          {"stream", told(kText, "stdout, stderr, log or progress.")},
                          {"text", told(kText, "Where it was no UTF-8, with U+FFFD in it.")},
                          {"base64", told(kText, "Then: the bytes as they were.")},
                          {"at", kTime}},
                         {"base64"})},
      {"LogPage", answer({{"items", array(ref("LogLine"))},
                          {"next_cursor", told(kText, "Goes on from here, also when it is empty.")},
                          {"ended", told(kBool, "Nothing will follow.")}})},
      {"Explanation", answer({{"id", kText},
                              {"status", status_shape()},
                              {"summary", kText},
                              {"next", told(kText, "The command that helps.")},
                              {"workers", array(answer({{"worker_id", kText},
                                                        {"eligible", kBool},
                                                        {"reason", kTextOrNull}}))}})},
      {"TaskTypeVersion", answer(version)},
      {"TaskType", answer(type)},
      {"TaskTypeList", items("TaskType")},
  };
}

}  // namespace skep::api
