#include "core/net/guard.hpp"

#include <gtest/gtest.h>

namespace skep::net {
namespace {

Head with(const std::string& name, const std::string& value) {
  Head head;
  head.headers[name] = value;
  return head;
}

int status_of(const Refusal& r) { return r ? r->status : 0; }

TEST(Guard, knows_loopback_names) {
  for (const char* host : {"localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:9595", "[::1]",
                           "[::1]:9595", "127.3.2.1:1"})
    EXPECT_TRUE(is_loopback_authority(host)) << host;
}

// The vectors of a page in a browser that reaches for the local API by DNS rebinding.
TEST(Guard, refuses_every_other_host) {
  for (const char* host : {"",
                           "evil.example",
                           "evil.example:9595",
                           "localhost.evil.example",
                           "127.0.0.1.evil.example",
                           "localhost@evil.example",
                           "evil.example#localhost",
                           "0.0.0.0",
                           "192.168.0.1",
                           "[::]",
                           "[::2]:80",
                           "::1",
                           "127.1",
                           "2130706433",
                           "0x7f000001",
                           "0177.0.0.1",
                           "a:b:c",
                           "localhost:80x",
                           "localhost:999999",
                           "[::1",
                           "[::1]80",
                           "localhost,evil.example",
                           "localhost evil.example",
                           "localhost."})
    EXPECT_EQ(status_of(check_loopback_caller(with("host", host))), 403) << host;
}

TEST(Guard, refuses_pages_of_other_sites_by_origin) {
  for (const char* origin : {"http://evil.example", "https://localhost.evil.example", "null", "",
                             "file://", "http://evil.example:9595", "ftp://localhost",
                             "http://localhost@evil.example", "chrome-extension://abc"})
    EXPECT_EQ(status_of(check_loopback_caller(with("origin", origin))), 403) << origin;
  for (const char* origin : {"http://localhost:9595", "http://127.0.0.1", "https://[::1]:3000"})
    EXPECT_EQ(status_of(check_loopback_caller(with("origin", origin))), 0) << origin;
}

TEST(Guard, compares_tokens_whole) {
  EXPECT_TRUE(has_token(with("authorization", "Bearer secret"), "secret"));
  EXPECT_TRUE(has_token(with("authorization", "bearer secret"), "secret"));
  for (const char* value : {"", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets",
                            "Bearer secretsecret", "Bearer  secret", "Basic secret", "secret"})
    EXPECT_FALSE(has_token(with("authorization", value), "secret")) << value;
}

TEST(Guard, asks_for_the_token_where_the_route_needs_one) {
  EXPECT_EQ(status_of(check_access(Access::kOpen, true, false)), 0);
  EXPECT_EQ(status_of(check_access(Access::kOperator, false, false)), 0);
  EXPECT_EQ(status_of(check_access(Access::kWorker, true, true)), 0);
  for (const Access access : {Access::kOperator, Access::kWorker})
    EXPECT_EQ(status_of(check_access(access, true, false)), 401);
}

TEST(Guard, asks_for_json_of_a_known_length) {
  Route route;
  route.method = "POST";
  route.path = "/p";
  route.body_cap = kOptionalBody + 1;
  for (const char* other : {"application/json; charset=utf-16", "application/json; x=y"}) {
    Head wrong = with("content-type", other);
    wrong.content_length = 1;
    EXPECT_EQ(status_of(check_body(wrong, route)), 415) << other;
  }
  Head head = with("content-type", "Application/JSON ; charset=utf-8");
  head.method = "POST";
  EXPECT_EQ(status_of(check_body(head, route)), 411);
  route.body_cap = 10;
  EXPECT_EQ(status_of(check_body(head, route)), 0);
  head.content_length = 10;
  EXPECT_EQ(status_of(check_body(head, route)), 0);
  head.content_length = 11;
  EXPECT_EQ(status_of(check_body(head, route)), 413);
  head.content_length = 1;
  for (const char* type :
       {"", "text/plain", "application/jsonp", "application/x-www-form-urlencoded"}) {
    head.headers["content-type"] = type;
    EXPECT_EQ(status_of(check_body(head, route)), 415) << type;
  }
  head.content_length = 0;
  EXPECT_EQ(status_of(check_body(head, route)), 0);
}

}  // namespace
}  // namespace skep::net
