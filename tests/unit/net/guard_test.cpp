#include "core/net/guard.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

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
  const Identify identify = identify_by({"secret"});
  const auto knows = [&](std::string_view value) {
    const Head head = with("authorization", std::string(value));
    return identify({bearer_of(head)}).may(Right::kOperate);
  };
  EXPECT_TRUE(knows("Bearer secret"));
  EXPECT_TRUE(knows("bearer secret"));
  for (const char* value : {"", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets",
                            "Bearer secretsecret", "Bearer  secret", "Basic secret", "secret"})
    EXPECT_FALSE(knows(value)) << value;
}

TEST(Guard, asks_for_the_right_that_the_route_names) {
  const Caller nobody;
  const Caller worker{Caller::Kind::kWorker, "w1", Right::kWork};
  const Caller person{Caller::Kind::kOperator, "token", Right::kOperate};
  for (const Caller& caller : {nobody, worker, person})
    EXPECT_EQ(status_of(check_right(Right::kNone, caller)), 0);
  for (const Right right : {Right::kOperate, Right::kWork})
    EXPECT_EQ(status_of(check_right(right, nobody)), 401);
  EXPECT_EQ(status_of(check_right(Right::kWork, worker)), 0);
  EXPECT_EQ(status_of(check_right(Right::kOperate, worker)), 403);
  EXPECT_EQ(status_of(check_right(Right::kOperate, person)), 0);
  EXPECT_EQ(status_of(check_right(Right::kWork, person)), 403);
  EXPECT_NE(check_right(Right::kOperate, worker)->body.find("the right of an operator"),
            std::string::npos);
  EXPECT_NE(check_right(Right::kWork, person)->body.find("the right of a worker"),
            std::string::npos);
}

TEST(Guard, knows_the_operator_by_token_or_user_and_others_by_their_own) {
  KnownCallers known{"t", true, [](std::string_view bearer) -> Caller {
                       if (bearer == "w") return {Caller::Kind::kWorker, "w1", Right::kWork};
                       return {};
                     }};
  const Identify identify = identify_by(known);
  const uid_t me = ::geteuid();
  const uid_t other = me + 1;
  EXPECT_EQ(identify({"t", other}).name, "token");
  EXPECT_EQ(identify({"", 0}).name, "uid 0");
  EXPECT_EQ(identify({"", me}).kind, Caller::Kind::kOperator);
  EXPECT_EQ(identify({"", other}).kind, Caller::Kind::kAnonymous);
  EXPECT_EQ(identify({"", std::nullopt}).kind, Caller::Kind::kAnonymous);
  EXPECT_EQ(identify({"x", 0}).kind, Caller::Kind::kAnonymous) << "a wrong token decides, too";
  EXPECT_EQ(identify({"w", 0}).name, "w1");
  EXPECT_FALSE(identify({"w", 0}).may(Right::kOperate));
  EXPECT_EQ(identify({"x", me, true}).kind, Caller::Kind::kOperator) << "the node's own socket";
  EXPECT_EQ(identify({"", other, true}).kind, Caller::Kind::kAnonymous);
  EXPECT_TRUE(identify({"w", other}).may(Right::kProbe)) << "who is known";
  EXPECT_FALSE(identify({"", other}).may(Right::kProbe));
  EXPECT_FALSE(identify({"x", 0}).may(Right::kProbe));
  known.open_probes = true;
  EXPECT_TRUE(identify_by(known)({"", other}).may(Right::kProbe));
  EXPECT_FALSE(identify_by(known)({"", other}).may(Right::kOperate));
  known.trust_local_uid = false;
  EXPECT_EQ(identify_by(known)({"", 0}).kind, Caller::Kind::kAnonymous);
  EXPECT_EQ(identify_by(known)({"", 0, true}).kind, Caller::Kind::kOperator);
  EXPECT_EQ(identify_by({})({"", std::nullopt}).kind, Caller::Kind::kAnonymous);
  EXPECT_EQ(identify_by({})({"x", std::nullopt}).kind, Caller::Kind::kAnonymous);
}

TEST(Guard, names_a_query_parameter_that_the_route_does_not_take) {
  Route route;
  route.query = {{"status"}, {"limit"}};
  HttpRequest request;
  request.query = {{"limit", "1"}};
  EXPECT_EQ(status_of(check_query(route, request)), 0);
  request.query = {{"limmit", "1"}};
  const Refusal refused = check_query(route, request);
  EXPECT_EQ(status_of(refused), 400);
  EXPECT_NE(refused->body.find("limit"), std::string::npos);
  route.any_query = true;
  EXPECT_EQ(status_of(check_query(route, request)), 0);
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

TEST(Guard, a_401_says_what_was_wrong_and_where_a_token_is) {
  const auto said = [](const KnownCallers& known, std::string_view bearer) {
    const auto refused = check_right(Right::kOperate, identify_by(known)({bearer, 65'534}));
    return refused ? refused->body : std::string();
  };
  const auto has = [](const std::string& body, const char* words) {
    return body.find(words) != std::string::npos;
  };
  const std::string none = said({"secret"}, "");
  EXPECT_TRUE(has(none, "this route needs a token: no token came; root and the node's own user"))
      << none;
  EXPECT_TRUE(has(none, "[http] token_file")) << none;
  EXPECT_TRUE(has(said({"secret"}, "guess"), "the token that came is nobody's"));
  KnownCallers strict{"secret"};
  strict.trust_local_uid = false;
  const std::string off = said(strict, "");
  EXPECT_TRUE(has(off, "no token came, and [http] trust_local_uid is false")) << off;
}

}  // namespace
}  // namespace skep::net
