// Requests that another parser might split elsewhere: one answer, then the connection is closed.
#include <gtest/gtest.h>

#include <atomic>

#include "net_support.hpp"

namespace skep::net::test {
namespace {

struct Vector {
  const char* name;
  std::string bytes;
  int status;
};

std::string chunked(const std::string& te_line) {
  return "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + te_line +
         "\r\n\r\n0\r\n\r\n";
}

std::string with_lines(const std::string& lines, const std::string& body = "") {
  return "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + lines +
         "\r\n\r\n" + body;
}

std::vector<Vector> vectors() {
  using namespace std::string_literals;
  return {
      {"chunked", chunked("Transfer-Encoding: chunked"), 411},
      {"xchunked", chunked("Transfer-Encoding: xchunked"), 411},
      {"chunked, identity", chunked("Transfer-Encoding: chunked, identity"), 411},
      {"identity", chunked("Transfer-Encoding: identity"), 411},
      {"empty TE", chunked("Transfer-Encoding:"), 411},
      {"TE in capitals", chunked("TRANSFER-ENCODING: CHUNKED"), 411},
      {"TE with tab", chunked("Transfer-Encoding:\tchunked"), 411},
      {"two TE", chunked("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow"), 411},
      {"TE with space before colon", chunked("Transfer-Encoding : chunked"), 400},
      {"TE with leading space", chunked("X: y\r\n Transfer-Encoding: chunked"), 400},
      {"TE behind vertical tab", chunked("Transfer-Encoding:\vchunked"), 400},
      {"TE after bare LF", chunked("X: y\nTransfer-Encoding: chunked"), 400},
      {"TE after bare CR", chunked("X: y\rTransfer-Encoding: chunked"), 400},
      {"CL then TE", with_lines("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
       411},
      {"TE then CL", with_lines("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
       411},
      {"two equal CL", with_lines("Content-Length: 2\r\nContent-Length: 2", "{}"), 400},
      {"two unequal CL", with_lines("Content-Length: 0\r\nContent-Length: 40"), 400},
      {"CL list", with_lines("Content-Length: 2, 2", "{}"), 400},
      {"CL with plus", with_lines("Content-Length: +2", "{}"), 400},
      {"CL negative", with_lines("Content-Length: -1"), 400},
      {"CL in hex", with_lines("Content-Length: 0x2", "{}"), 400},
      {"CL with blanks inside", with_lines("Content-Length: 2 2", "{}"), 400},
      {"CL empty", with_lines("Content-Length:"), 400},
      {"CL too long a number", with_lines("Content-Length: 99999999999999999999999"), 400},
      {"CL folded", with_lines("Content-Length:\r\n 2", "{}"), 400},
      {"no length", with_lines("X: y"), 411},
      {"obs-fold", "GET /g HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", 400},
      {"fold in the first header", "GET /g HTTP/1.1\r\n Host: localhost\r\n\r\n", 400},
      {"bare LF everywhere", "GET /g HTTP/1.1\nHost: localhost\n\n", 400},
      {"bare LF at the end", "GET /g HTTP/1.1\r\nHost: localhost\r\n\n", 400},
      {"NUL in a value", "GET /g HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n"s, 400},
      {"NUL in a name", "GET /g HTTP/1.1\r\nHost: localhost\r\nX\0: a\r\n\r\n"s, 400},
      {"no colon", "GET /g HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n", 400},
      {"empty name", "GET /g HTTP/1.1\r\nHost: localhost\r\n: a\r\n\r\n", 400},
      {"HTTP/1.0 chunked",
       "POST /p HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"two hosts", "GET /g HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 400},
      {"absolute form", "GET http://localhost/g HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"authority form", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"two empty lines first", "\r\n\r\nGET /g HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"body beyond the route", with_lines("Content-Length: 70000", std::string(70000, 'x')), 413},
      {"body on a GET", "GET /g HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nGET", 413},
      {"body of another type",
       "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
       "Content-Length: 20\r\n\r\nGET /x HTTP/1.1\r\n\r\n.",
       415},
      {"foreign host", "GET /g HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403},
  };
}

TEST(Smuggling, every_vector_gets_one_answer_and_a_close) {
  std::atomic<int> smuggled{0};
  const auto ok = [](const HttpRequest&) { return HttpResponse::json("{}"); };
  const auto hit = [&smuggled](const HttpRequest&) {
    ++smuggled;
    return HttpResponse::json("{}");
  };
  TestServer server({route("GET", "/g", ok), route("POST", "/p", ok, kOptionalBody + 1),
                     route("GET", "/smuggled", hit)});
  for (const Vector& v : vectors()) {
    SCOPED_TRACE(v.name);
    RawClient client(server.port());
    client.send(v.bytes + get("/smuggled"));  // the server may close before it has read all
    const RawResponse answer = client.read_response();
    EXPECT_EQ(answer.status, v.status);
    EXPECT_EQ(RawClient::header(answer.head, "Connection"), "close");
    EXPECT_EQ(RawClient::header(answer.head, "Content-Type"), "application/problem+json");
    std::string more;
    EXPECT_TRUE(client.read_to_end(more));
    EXPECT_EQ(more, "");
  }
  EXPECT_EQ(smuggled, 0);
}

}  // namespace
}  // namespace skep::net::test
