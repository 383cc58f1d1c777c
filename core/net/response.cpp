#include "core/net/response.hpp"

#include <strings.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "core/base/log.hpp"

namespace skep::net {
namespace {

struct Reason {
  int status;
  std::string_view text;
};

constexpr std::array kReasons{
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{206, "Partial Content"},
    Reason{304, "Not Modified"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{411, "Length Required"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{415, "Unsupported Media Type"},
    Reason{416, "Range Not Satisfiable"},
    Reason{417, "Expectation Failed"},
    Reason{422, "Unprocessable Content"},
    Reason{428, "Precondition Required"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
    Reason{507, "Insufficient Storage"},
};

/// The phrase is decoration (RFC 9112, 4); a status without a row has none.
std::string_view reason(int status) {
  const auto row = std::find_if(kReasons.begin(), kReasons.end(),
                                [status](const Reason& r) { return r.status == status; });
  return row == kReasons.end() ? std::string_view{} : row->text;
}

/// The Date header's value, made anew once a second and thread.
std::string_view http_date() {
  thread_local std::time_t made_at = 0;
  thread_local std::array<char, 40> text{};
  const std::time_t now = ::time(nullptr);
  if (now != made_at) {
    tm parts{};
    gmtime_r(&now, &parts);
    ::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    made_at = now;
  }
  return text.data();
}

bool is_safe(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

void check_headers(HttpResponse& response) {
  bool safe = is_safe(response.content_type);
  for (const auto& [name, value] : response.headers) safe = safe && is_safe(name) && is_safe(value);
  if (safe) return;
  log::error("http_response_refused", {{"reason", "a header holds a control byte"}});
  response = HttpResponse::problem(internal_error("the response had a malformed header"));
}

bool sets(const HttpResponse& response, const char* name) {
  return std::any_of(response.headers.begin(), response.headers.end(), [name](const auto& header) {
    return strcasecmp(header.first.c_str(), name) == 0;
  });
}

void append(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string response_head(HttpResponse& response, bool keep_alive) {
  check_headers(response);
  std::string out;
  out.reserve(256);
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(reason(response.status)).append("\r\n");
  append(out, "Server", "skep");
  append(out, "Date", http_date());
  append(out, "X-Content-Type-Options", "nosniff");
  if (!sets(response, "Cache-Control")) append(out, "Cache-Control", "no-store");
  for (const auto& [name, value] : response.headers) append(out, name, value);
  if (has_body(response.status)) {
    append(out, "Content-Type", response.content_type);
    const std::uint64_t size = response.file ? response.file->size : response.body.size();
    if (!response.stream) append(out, "Content-Length", std::to_string(size));
  }
  if (!keep_alive) append(out, "Connection", "close");
  out.append("\r\n");
  return out;
}

}  // namespace skep::net
