#include "core/net/head.hpp"

#include <gtest/gtest.h>

#include <random>

namespace skep::net {
namespace {

using State = HeadScanner::State;

int refused(std::string_view text) {
  Head head;
  const Refusal r = parse_head(text, head);
  return r ? r->status : 0;
}

int refused_target(std::string_view target) {
  HttpRequest request;
  const Refusal r = parse_target(target, request);
  return r ? r->status : 0;
}

TEST(HeadScanner, finds_the_end_however_the_bytes_arrive) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string all = head + "next";
  for (std::size_t step = 1; step <= all.size(); ++step) {
    HeadScanner scanner;
    State state = State::kMore;
    for (std::size_t n = step; state == State::kMore && n <= all.size() + step; n += step)
      state = scanner.scan(std::string_view(all).substr(0, n));
    ASSERT_EQ(state, State::kComplete) << step;
    EXPECT_EQ(scanner.size(), head.size());
  }
}

TEST(HeadScanner, refuses_bare_line_ends_and_control_bytes_at_once) {
  using namespace std::string_literals;
  for (const std::string& bad :
       {"GET / HTTP/1.1\n"s, "GET / HTTP/1.1\r\nHost: a\n"s, "GET / HTTP/1.1\rX"s, "a\0"s,
        "\x16\x03\x01"s, "a\x7f"s, "\n"s, "A: b\r\r\n"s, "\x01"s}) {
    HeadScanner scanner;
    EXPECT_EQ(scanner.scan(bad), State::kBad) << bad;
  }
}

TEST(Head, reads_a_plain_request) {
  Head head;
  ASSERT_FALSE(
      parse_head("POST /x?a=1 HTTP/1.1\r\nHost: h\r\nX-A:  one\t\r\nx-a: two\r\n"
                 "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\n",
                 head));
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/x?a=1");
  EXPECT_EQ(head.headers.at("x-a"), "one, two");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expect_continue);
}

TEST(Head, keeps_no_connection_of_http_1_0_or_of_close) {
  Head old;
  ASSERT_FALSE(parse_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", old));
  EXPECT_FALSE(old.keep_alive);
  Head closing;
  ASSERT_FALSE(parse_head("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n", closing));
  EXPECT_FALSE(closing.keep_alive);
}

TEST(Head, refuses_what_is_not_http_1) {
  EXPECT_EQ(refused("GET /\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(refused("PRI * HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(refused("GET / http/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1 \r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refused("G@T / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n"), 417);
}

TEST(Head, refuses_a_header_that_is_no_text) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nIdempotency-Key: na\xefve\r\n\r\n"), 400);
  Head head;
  const Refusal r = parse_head("GET / HTTP/1.1\r\nHost: h\r\nX-Name: \xff\r\n\r\n", head);
  ASSERT_TRUE(r);
  EXPECT_NE(r->body.find("header x-name is not UTF-8"), std::string::npos) << r->body;
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nX-Name: na\xc3\xafve\r\n\r\n"), 0);
}

TEST(Target, decodes_the_path_once_and_splits_the_query) {
  HttpRequest request;
  ASSERT_FALSE(parse_target("/a%20b/%25c/%C3%A9/?x=1+2&y=%26&z", request));
  EXPECT_EQ(request.path, "/a b/%c/\xC3\xA9");
  EXPECT_EQ(request.query.at("x"), "1 2");
  EXPECT_EQ(request.query.at("y"), "&");
  EXPECT_EQ(request.query.at("z"), "");
  HttpRequest root;
  ASSERT_FALSE(parse_target("/?", root));
  EXPECT_EQ(root.path, "/");
  EXPECT_TRUE(root.query.empty());
}

TEST(Target, refuses_traversal_and_broken_encodings) {
  for (const char* target : {"/..",
                             "/../etc/passwd",
                             "/a/../b",
                             "/a/./b",
                             "/%2e%2e/x",
                             "/%2E./x",
                             "/a%2fb",
                             "/a%2Fb",
                             "/..%2f..",
                             "/a%5cb",
                             "/%00",
                             "/a%00.json",
                             "/%0d%0aX",
                             "/%7f",
                             "/%ff",
                             "/%c0%ae%c0%ae/",
                             "/%e0%80%af",
                             "/%ed%a0%80",
                             "/%f4%90%80%80",
                             "/%c3",
                             "/%c3/%a9",
                             "/%",
                             "/%2",
                             "/%zz",
                             "/a b",
                             "/a\\b",
                             "/{x}",
                             "/a#b",
                             "/a|b",
                             "",
                             "*",
                             "x",
                             "http://localhost/x",
                             "localhost:80",
                             "/a?x=%00",
                             "/a?x=%ff",
                             "/a?x=1&x=2",
                             "/a?%0a=1"})
    EXPECT_EQ(refused_target(target), 400) << target;
}

// Whatever the bytes are, the parser answers; the sanitizers watch.
TEST(Head, survives_random_mutations) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string good =
      "POST /api/tasks?x=%41 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
      "Content-Type: application/json\r\nConnection: keep-alive\r\n\r\n";
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (unsigned n = 1 + random() % 4; n > 0; --n) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 3);
      else
        text[at] = static_cast<char>(random() % 256);
    }
    HeadScanner scanner;
    if (scanner.scan(text) != State::kComplete) continue;
    Head head;
    HttpRequest request;
    if (parse_head(std::string_view(text).substr(0, scanner.size()), head)) continue;
    if (parse_target(head.target, request)) continue;
    ++accepted;
    EXPECT_EQ(request.path.find('\0'), std::string::npos);
    EXPECT_EQ(request.path.front(), '/');
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace skep::net
