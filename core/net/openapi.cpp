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
  out.end_array();
}

/// {"content":{MEDIA:{"schema":..}}}, its members only.
void write_content(JsonOut& out, std::string_view media, std::string_view schema) {
  out.key("content").object().key(media).object().key("schema").object();
  if (!schema.empty()) out.key("$ref").str("#/components/schemas/" + std::string(schema));
  out.end_object().end_object().end_object();
}

void write_operation(JsonOut& out, const Route& route) {
  out.key(to_lower(route.method)).object();
  out.key("operationId").str(operation_id(route)).key("summary").str(route.summary);
  write_parameters(out, route);
  if (route.body_cap > 0) {
    out.key("requestBody").object();
    write_content(out, "application/json", route.documents.request);
    out.end_object();
  }
  out.key("responses").object().key("2XX").object().key("description").str("done");
  write_content(out, route.documents.media, route.documents.response);
  out.end_object().key("default").raw(R"({"$ref":"#/components/responses/Problem"})").end_object();
  out.key("security").raw(route.right == Right::kNone ? "[]" : R"([{"token":[]}])");
  out.key("x-skep-access").str(to_string(route.right));
  out.key("x-skep-body-bytes").integer(static_cast<std::int64_t>(route.body_cap)).end_object();
}

/// Without its end: the schemas of the routes follow.
constexpr std::string_view kComponents = R"json({
"securitySchemes":{"token":{"type":"http","scheme":"bearer",
"description":"needed when the node has a token configured"}},
"responses":{"Problem":{"description":"what went wrong (RFC 9457)","content":
{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}}},
"schemas":{"Problem":{"type":"object","required":["type","title","status","detail","code"],
"properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},
"detail":{"type":"string"},"code":{"type":"string"},"next":{"type":"string"}}})json";

}  // namespace

std::string Router::openapi(std::string_view version, std::string_view schemas) const {
  std::map<std::string_view, std::vector<const Route*>> by_path;
  for (const Route& route : routes_) by_path[route.path].push_back(&route);
  JsonOut out;
  out.object().key("openapi").str("3.1.0");
  out.key("info").object().key("title").str("skep").key("version").str(version).end_object();
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
