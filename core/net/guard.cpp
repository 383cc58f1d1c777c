#include "core/net/guard.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "core/base/json_count.hpp"
#include "core/base/text.hpp"

namespace skep::net {
namespace {

std::string_view value_of(const Head& head, const std::string& name) {
  const auto it = head.headers.find(name);
  return it == head.headers.end() ? std::string_view{} : std::string_view(it->second);
}

/// A header's value for a message: printable ASCII, not long.
std::string shown(const Head& head, const std::string& name) {
  std::string out(value_of(head, name).substr(0, 100));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) ==
           (y >= 'A' && y <= 'Z' ? static_cast<char>(y + 32) : y);
  });
}

bool is_port(std::string_view s) {
  return s.size() <= 5 && s.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_loopback_origin(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme)) return is_loopback_authority(origin.substr(scheme.size()));
  return false;
}

HttpResponse refuse(int status, Code code, std::string message, std::string name,
                    std::string next) {
  return HttpResponse::problem(status,
                               Error{code, std::move(message), std::move(name), std::move(next)});
}

/// JSON is UTF-8 (RFC 8259); a parameter may only say so.
bool is_json(std::string_view content_type) {
  const std::size_t semicolon = content_type.find(';');
  if (!equals_ignoring_case(trim(content_type.substr(0, semicolon)), "application/json"))
    return false;
  if (semicolon == std::string_view::npos) return true;
  const std::string_view parameter = trim(content_type.substr(semicolon + 1));
  return parameter.empty() || equals_ignoring_case(parameter, "charset=utf-8") ||
         equals_ignoring_case(parameter, "charset=\"utf-8\"");
}

}  // namespace

bool is_loopback_authority(std::string_view host) {
  const bool bracketed = host.starts_with('[');
  const std::size_t colon = bracketed ? host.find("]:") : host.find(':');
  const std::size_t name_end = bracketed && colon != std::string_view::npos ? colon + 1 : colon;
  const std::string name(host.substr(0, name_end));
  if (name_end != std::string_view::npos && !is_port(host.substr(name_end + 1))) return false;
  if (equals_ignoring_case(name, "localhost") || name == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, name.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

Refusal check_loopback_caller(const Head& head) {
  const bool has_host = head.headers.contains("host");
  if (has_host && !is_loopback_authority(value_of(head, "host")))
    return refuse(403, Code::kDenied,
                  "Host \"" + shown(head, "host") + "\" is not a name of this loopback listener",
                  "host-not-allowed", "use http://localhost or http://127.0.0.1 with the port");
  if (head.headers.contains("origin") && !is_loopback_origin(value_of(head, "origin")))
    return refuse(
        403, Code::kDenied, "pages of \"" + shown(head, "origin") + "\" may not call this API",
        "origin-not-allowed", "call it from a page served on localhost, or without Origin");
  return {};
}

std::string_view bearer_of(const Head& head) {
  static constexpr std::string_view kScheme = "bearer ";
  const std::string_view given = value_of(head, "authorization");
  if (!equals_ignoring_case(given.substr(0, kScheme.size()), kScheme)) return {};
  return given.substr(kScheme.size());
}

bool speaks_for_himself(const Head& head) {
  for (const char* name : {"forwarded", "via", "x-real-ip"})
    if (head.headers.contains(name)) return false;
  constexpr std::string_view kForwarded = "x-forwarded-";
  const auto first = head.headers.lower_bound(std::string(kForwarded));
  if (first != head.headers.end() && first->first.starts_with(kForwarded)) return false;
  const auto origin = head.headers.find("origin");
  return origin == head.headers.end() ||
         equals_ignoring_case(origin->second, "http://" + std::string(value_of(head, "host")));
}

Refusal check_right(Right needed, const Caller& caller) {
  if (caller.may(needed)) return {};
  const std::string_view word = to_string(needed);
  if (caller.kind != Caller::Kind::kAnonymous)
    return refuse(403, Code::kDenied,
                  std::string(to_string(caller.kind)) + " \"" + caller.name +
                      "\" may not do this: it needs the right of " +
                      (word.starts_with('o') ? "an " : "a ") + std::string(word),
                  "forbidden", "");
  HttpResponse response = refuse(
      401, Code::kDenied,
      "this route needs a token: " +
          std::string(caller.unknown.empty() ? "none that is valid came" : caller.unknown),
      "unauthenticated",
      "send the header \"Authorization: Bearer TOKEN\": [http] token_file of the node names the "
      "file "
      "that has it, for a worker [http] join_token_file");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"skep\"");
  return response;
}

Refusal check_worker(const Route& route, const std::map<std::string, std::string>& params,
                     const Caller& caller) {
  if (route.right != Right::kWork || caller.kind != Caller::Kind::kWorker) return {};
  const auto id = params.find("id");
  if (id == params.end() || id->second == caller.name) return {};
  return refuse(
      403, Code::kDenied,
      "this is the credential of worker \"" + caller.name + "\", not of the one in the path",
      "not-your-worker", "");
}

Refusal check_query(const Route& route, const HttpRequest& request) {
  if (route.any_query) return {};
  for (const auto& [name, value] : request.query) {
    std::vector<std::string> known;
    for (const QueryParameter& p : route.query) known.emplace_back(p.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return HttpResponse::problem(
        invalid("unknown query parameter \"" + name + "\"; " + suggestion(name, known))
            .named("bad-query"));
  }
  return {};
}

Refusal check_body(const Head& head, const Route& route) {
  const bool expected = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
  if (expected && !head.content_length && route.body_cap > kOptionalBody)
    return refuse(411, Code::kInvalid, head.method + " needs a Content-Length", "length-required",
                  "send the body with one Content-Length header (0 for none)");
  const std::size_t length = head.content_length.value_or(0);
  if (length == 0) return {};
  if (length > route.body_cap)
    return refuse(413, Code::kInvalid,
                  "the body has " + std::to_string(length) + " bytes; " +
                      std::string(route.method) + " " + std::string(route.path) + " takes " +
                      (route.body_cap == 0 ? "none" : "at most " + std::to_string(route.body_cap)),
                  "body-too-large", route.body_cap == 0 ? "" : "send it in smaller parts");
  const std::string_view type = value_of(head, "content-type");
  if (route.bytes && !equals_ignoring_case(trim(type), "application/octet-stream"))
    return refuse(415, Code::kInvalid,
                  "the body's Content-Type is \"" + shown(head, "content-type") +
                      "\", not application/octet-stream",
                  "content-type", "send the header \"Content-Type: application/octet-stream\"");
  if (!route.bytes && !is_json(type))
    return refuse(
        415, Code::kInvalid,
        "the body's Content-Type is \"" + shown(head, "content-type") + "\", not application/json",
        "content-type", "send the header \"Content-Type: application/json\"");
  return {};
}

Refusal check_values(std::string_view body, const Route& route) {
  if (route.bytes) return {};
  if (body.size() / 2 < route.value_cap) return {};  // the shortest is a digit and a comma
  if (count_json_values(body, route.value_cap) <= route.value_cap) return {};
  return refuse(413, Code::kInvalid,
                "the body has more than " + std::to_string(route.value_cap) +
                    " values (objects, arrays, members, numbers ..)",
                "too-many-items", "send it in smaller parts");
}

HttpResponse no_route(const Router& router, const RouteMatch& match, std::string_view method,
                      std::string_view path) {
  if (match.allowed.empty()) {
    const std::string near = router.nearest_path(path);
    return HttpResponse::problem(
        Error{Code::kNotFound, "no route " + std::string(path), "no-route",
              near.empty() ? "GET /openapi.json lists the routes" : "did you mean " + near + "?"});
  }
  std::string allow;
  for (const std::string_view m : match.allowed) allow.append(allow.empty() ? "" : ", ").append(m);
  HttpResponse response =
      refuse(405, Code::kInvalid, std::string(path) + " does not take " + std::string(method),
             "method-not-allowed", "use " + allow);
  response.headers.emplace_back("Allow", allow);
  return response;
}

}  // namespace skep::net
