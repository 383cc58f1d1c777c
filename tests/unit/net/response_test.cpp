#include <gtest/gtest.h>

#include "core/base/json.hpp"
#include "core/net/response.hpp"

namespace skep::net {
namespace {

std::string header(const HttpResponse& r, std::string_view name) {
  for (const auto& [key, value] : r.headers)
    if (key == name) return value;
  return "";
}

TEST(HttpResponse, problem_carries_all_members) {
  Error error{Code::kNotFound, "no task \"x\"", "unknown-task", "skep task list"};
  const HttpResponse r = HttpResponse::problem(error, ",\"errors\":[]");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.content_type, "application/problem+json");
  const json::object body = parse_json(r.body)->as_object();
  EXPECT_EQ(get_string(body, "type"), "/problems/unknown-task");
  EXPECT_EQ(get_string(body, "title"), "Unknown task");
  EXPECT_EQ(get_int(body, "status"), 404);
  EXPECT_EQ(get_string(body, "detail"), "no task \"x\"");
  EXPECT_EQ(get_string(body, "code"), "unknown-task");
  EXPECT_EQ(get_string(body, "next"), "skep task list");
  EXPECT_TRUE(body.contains("errors"));
}

TEST(HttpResponse, problem_without_next_has_no_such_member) {
  const HttpResponse r = HttpResponse::problem(invalid("bad"));
  EXPECT_FALSE(parse_json(r.body)->as_object().contains("next"));
  EXPECT_EQ(header(r, "Retry-After"), "");
}

TEST(HttpResponse, problem_says_when_to_retry) {
  EXPECT_EQ(header(HttpResponse::problem(unavailable("later")), "Retry-After"), "1");
  Error slow = unavailable("later");
  slow.retry_after = Millis{5'001};
  EXPECT_EQ(header(HttpResponse::problem(slow), "Retry-After"), "6");
  Error limited = invalid("too many");
  limited.retry_after = Millis{1};
  const HttpResponse r = HttpResponse::problem(429, limited);
  EXPECT_EQ(r.status, 429);
  EXPECT_EQ(header(r, "Retry-After"), "1");
}

TEST(Wire, writes_the_fixed_headers) {
  HttpResponse r = HttpResponse::json("{}", 201);
  const std::string head = response_head(r, true);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 201 Created\r\nServer: skep\r\n"));
  for (const char* line : {"X-Content-Type-Options: nosniff\r\n", "Cache-Control: no-store\r\n",
                           "Content-Type: application/json\r\n", "Content-Length: 2\r\n", "Date: "})
    EXPECT_NE(head.find(line), std::string::npos) << line;
  EXPECT_EQ(head.find("Connection"), std::string::npos);
  EXPECT_NE(response_head(r, false).find("Connection: close\r\n"), std::string::npos);
}

TEST(Wire, leaves_the_length_out_where_no_body_may_be) {
  HttpResponse r = HttpResponse::json("", 204);
  EXPECT_EQ(response_head(r, true).find("Content-Length"), std::string::npos);
}

TEST(Wire, turns_a_header_that_splits_the_response_into_a_500) {
  HttpResponse r = HttpResponse::json("{}");
  r.headers.emplace_back("X-Name", "a\r\nSet-Cookie: b");
  const std::string head = response_head(r, true);
  EXPECT_EQ(head.find("Set-Cookie"), std::string::npos);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 500 "));
  EXPECT_EQ(r.status, 500);
}

TEST(Wire, lets_a_handler_choose_its_caching) {
  HttpResponse r = HttpResponse::json("{}");
  r.headers.emplace_back("cache-control", "max-age=60");
  EXPECT_EQ(response_head(r, true).find("no-store"), std::string::npos);
}

}  // namespace
}  // namespace skep::net
