#include <algorithm>
#include <cctype>

#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/net/http.hpp"

namespace skep::net {
namespace {

/// "GET /api/tasks/{id}" is get_api_tasks_id.
std::string operation_id(const Route& route) {
  std::string id = to_lower(route.method);
  for (const char c : route.path) {
    if (c == '{' || c == '}') continue;
    id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return id;
}

/// "/api/tasks/{id}" is about "tasks"; what is not below /api is about the process.
std::string_view tag_of(std::string_view path) {
  constexpr std::string_view kApi = "/api/";
  if (!path.starts_with(kApi)) return "process";
  path.remove_prefix(kApi.size());
  return path.substr(0, path.find('/'));
}

void write_parameter(JsonOut& out, std::string_view in, const QueryParameter& p) {
  out.object().key("name").str(p.name).key("in").str(in).key("required").boolean(in == "path");
  if (!p.doc.empty()) out.key("description").str(p.doc);
  out.key("schema").raw(p.schema).end_object();
}

void write_parameters(JsonOut& out, const Route& route) {
  const std::string_view path = route.path;
  out.key("parameters").array();
  for (std::size_t open = path.find('{'); open != std::string_view::npos;
       open = path.find('{', open + 1))
    write_parameter(out, "path", {path.substr(open + 1, path.find('}', open) - open - 1)});
  for (const QueryParameter& p : route.query) write_parameter(out, "query", p);
  for (const QueryParameter& p : route.documents.headers) write_parameter(out, "header", p);
  out.end_array();
}

/// {"content":{MEDIA:{"schema":..}}}, its members only.
void write_content(JsonOut& out, std::string_view media, std::string_view schema) {
  out.key("content").object().key(media).object().key("schema").object();
  if (!schema.empty()) out.key("$ref").str("#/components/schemas/" + std::string(schema));
  out.end_object().end_object().end_object();
}

void write_request(JsonOut& out, const Route& route) {
  if (route.documents.request.empty()) return;
  out.key("requestBody").object().key("required").boolean(route.body_cap > kOptionalBody);
  write_content(out, route.bytes ? "application/octet-stream" : "application/json",
                route.documents.request);
  out.end_object();
}

void write_responses(JsonOut& out, const RouteDocuments& documents) {
  constexpr std::string_view kProblem = R"({"$ref":"#/components/responses/Problem"})";
  out.key("responses").object().key("2XX").object().key("description").str("Done.");
  write_content(out, documents.media, documents.response);
  out.end_object();
  for (const RouteDocuments::Answer& other : documents.others) {
    out.key(other.status).object();
    out.key("description").str(other.document.empty() ? "Nothing new." : "Not well.");
    if (!other.document.empty()) write_content(out, "application/json", other.document);
    out.end_object();
  }
  out.key("4XX").raw(kProblem).key("default").raw(kProblem).end_object();
}

void write_operation(JsonOut& out, const Route& route) {
  out.key(to_lower(route.method)).object();
  out.key("operationId").str(operation_id(route)).key("summary").str(route.summary);
  out.key("tags").array().str(tag_of(route.path)).end_array();
  write_parameters(out, route);
  write_request(out, route);
  write_responses(out, route.documents);
  out.key("security").raw(route.right == Right::kNone ? "[]" : R"([{"token":[]}])");
  out.key("x-skep-access").str(to_string(route.right));
  out.key("x-skep-body-bytes").integer(static_cast<std::int64_t>(route.body_cap));
  if (route.body_cap > 0 && !route.bytes)
    out.key("x-skep-body-values").integer(static_cast<std::int64_t>(route.value_cap));
  out.end_object();
}

void write_head(JsonOut& out, std::string_view version) {
  out.object().key("openapi").str("3.1.0");
  out.key("info").object().key("title").str("skep").key("version").str(version);
  out.key("description").str("A node of skep: its tasks, workers, registry, and itself.");
  out.key("license").raw(R"({"name":"Apache License 2.0","identifier":"Apache-2.0"})");
  out.end_object().key("servers").raw(R"([{"url":"/","description":"The node that answers."}])");
}

/// Without its end: the schemas of the routes follow.
constexpr std::string_view kComponents = R"json({
"securitySchemes":{"token":{"type":"http","scheme":"bearer",
"description":"On its own machine root and the node's user need none."}},
"responses":{"Problem":{"description":"What went wrong (RFC 9457).","content":
{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}}},
"schemas":{"Problem":{"type":"object","required":["type","title","status","detail","code"],
"properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},
"detail":{"type":"string"},"code":{"type":"string","description":"Stable, for programs."},
"next":{"type":"string","description":"The command that helps."},
"key":{"type":["string","null"],"description":"Of the envelope that was refused."},
"to":{"type":"object","description":"Which worker it is for, of the worker protocol.","required":
["worker_id","incarnation"],"properties":{"worker_id":{"type":"string"},"incarnation":
{"type":"string"}}},
"errors":{"type":"array","description":"What does not fit a schema, by JSON pointer.","items":
{"type":"object","required":["pointer","message"],"properties":
{"pointer":{"type":"string"},"message":{"type":"string"}}}}}})json";

}  // namespace

std::string Router::openapi(std::string_view version, std::string_view schemas) const {
  std::map<std::string_view, std::vector<const Route*>> by_path;
  for (const Route& route : routes_) by_path[route.path].push_back(&route);
  JsonOut out;
  write_head(out, version);
  out.key("paths").object();
  for (const auto& [path, routes] : by_path) {
    out.key(path).object();
    for (const Route* route : routes) write_operation(out, *route);
    out.end_object();
  }
  out.end_object().key("components");
  out.raw(std::string(kComponents) + (schemas.empty() ? "" : ",") + std::string(schemas) + "}}");
  out.end_object();
  return out.take();
}

}  // namespace skep::net
