#include "core/net/http.hpp"

#include <algorithm>
#include <cctype>

#include "core/base/json.hpp"

namespace skep::net {
namespace {

std::string title_of(std::string_view id) {
  std::string title(id);
  std::replace(title.begin(), title.end(), '-', ' ');
  if (!title.empty())
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

std::int64_t retry_after_seconds(const Error& error) {
  const std::int64_t asked = (error.retry_after.count() + 999) / 1000;
  return is_retryable(error.code) ? std::max<std::int64_t>(1, asked) : asked;
}

}  // namespace

std::string_view HttpRequest::header(const std::string& lower_name) const {
  const auto it = headers.find(lower_name);
  return it == headers.end() ? std::string_view{} : std::string_view(it->second);
}

HttpResponse HttpResponse::json(std::string body, int status) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse HttpResponse::metrics(std::string body) {
  HttpResponse r = json(std::move(body));
  r.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return r;
}

HttpResponse HttpResponse::problem(const Error& error, std::string_view extra) {
  return problem(info(error.code).http_status, error, extra);
}

HttpResponse HttpResponse::problem(int status, const Error& error, std::string_view extra) {
  JsonOut out;
  out.object().key("type").str("/problems/" + std::string(error.id()));
  out.key("title").str(title_of(error.id())).key("status").integer(status);
  out.key("detail").str(error.message).key("code").str(error.id());
  if (!error.next.empty()) out.key("next").str(error.next);
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = out.take();
  response.body += extra;
  response.body += '}';
  if (const std::int64_t seconds = retry_after_seconds(error); seconds > 0)
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

HttpResponse HttpResponse::wait_for(Wait wait) {
  HttpResponse response;
  response.wait = std::make_unique<Wait>(std::move(wait));
  return response;
}

HttpResponse HttpResponse::streaming(std::string content_type, Stream stream) {
  HttpResponse response;
  response.content_type = std::move(content_type);
  response.stream = std::move(stream);
  return response;
}

}  // namespace skep::net
