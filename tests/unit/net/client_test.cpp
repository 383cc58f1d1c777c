#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "net_support.hpp"

namespace skep::net::test {
namespace {

ClientRequest request_for(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  request.timeout = request.connect_timeout = kPatience;
  return request;
}

std::uint16_t bound_port(const UniqueFd& socket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(socket.get(), generic, size), 0);
  EXPECT_EQ(::getsockname(socket.get(), generic, &size), 0);
  return ntohs(address.sin_port);
}

/// A port where nobody listens: bound, never listened on.
std::uint16_t dead_port(UniqueFd& holder) {
  holder.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return bound_port(holder);
}

TEST(HttpClient, sends_method_headers_and_body_and_reads_the_answer) {
  HttpRequest seen;
  TestServer server({route(
      "PUT", "/x",
      [&seen](const HttpRequest& r) {
        seen = r;
        HttpResponse response = HttpResponse::json("[1]", 202);
        response.headers.emplace_back("X-Two", "b");
        return response;
      },
      100)});
  HttpClient client;
  ClientRequest request = request_for(server.url("/x"));
  request.method = "PUT";
  request.headers = {"X-One: a"};
  request.body = "{}";
  const Result<ClientResponse> r = client.send(request);
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->status, 202);
  EXPECT_EQ(r->body, "[1]");
  EXPECT_EQ(r->headers.at("x-two"), "b");
  EXPECT_EQ(r->headers.at("content-type"), "application/json");
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.header("x-one"), "a");
  EXPECT_EQ(seen.body, "{}");
}

/// Sets variables for as long as it lives.
class Variables {
 public:
  explicit Variables(std::map<std::string, std::string> values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& [name, value] : values_) ::unsetenv(name.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  const std::map<std::string, std::string> values_;
};

TEST(HttpClient, asks_the_proxy_of_the_environment_unless_it_must_not) {
  TestServer proxy(
      {route("GET", "/x", [](const HttpRequest&) { return HttpResponse::json("{}"); })});
  const Variables variables({{"http_proxy", proxy.url("")}, {"NO_PROXY", "192.0.2.1"}});
  HttpClient client;
  // Nobody has an address in 192.0.2.0/24: who answers is the proxy, whatever it says.
  const auto is_answered = [&](const std::string& url, std::vector<std::string> headers = {},
                               Millis connect_timeout = Millis{50}) {
    ClientRequest request = request_for(url);
    request.headers = std::move(headers);
    request.connect_timeout = connect_timeout;
    return static_cast<bool>(client.send(request));
  };
  EXPECT_TRUE(is_answered("http://192.0.2.2/", {}, kPatience));
  EXPECT_FALSE(is_answered("http://192.0.2.1/")) << "NO_PROXY names it";
  EXPECT_FALSE(is_answered("http://127.0.0.2:1/")) << "this machine";
  EXPECT_FALSE(is_answered("http://192.0.2.2/", {"Authorization: Bearer secret"}))
      << "a token is not the proxy's to read";
}

TEST(HttpClient, posts_an_empty_body_and_reads_a_head) {
  TestServer server(
      {route(
           "POST", "/p",
           [](const HttpRequest& r) { return HttpResponse::json(std::to_string(r.body.size())); }),
       route("GET", "/g", [](const HttpRequest&) { return HttpResponse::json("{}"); })});
  HttpClient client;
  ClientRequest request = request_for(server.url("/p"));
  request.method = "POST";
  EXPECT_EQ(client.send(request)->body, "0");
  ClientRequest head = request_for(server.url("/g"));
  head.method = "HEAD";
  const Result<ClientResponse> r = client.send(head);
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->status, 200);
  EXPECT_EQ(r->body, "");
}

TEST(HttpClient, keeps_its_connection) {
  std::mutex mutex;
  std::vector<std::string> peers;
  TestServer server({route("GET", "/g", [&](const HttpRequest& r) {
    const std::lock_guard lock(mutex);
    peers.push_back(r.peer);
    return HttpResponse::json("{}");
  })});
  HttpClient client;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.send(request_for(server.url("/g"))));
  EXPECT_EQ(peers, std::vector<std::string>(5, peers.front()));
}

/// Answers a request on each of two connections, and closes each without having said that it will.
class ClosingServer {
 public:
  ClosingServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    port_ = bound_port(listener_);
    EXPECT_EQ(::listen(listener_.get(), 2), 0);
    thread_ = std::jthread([this] { serve(); });
  }
  ~ClosingServer() { ::shutdown(listener_.get(), SHUT_RDWR); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/g"; }
  Event closed;

 private:
  void serve() {
    for (int i = 0; i < 2; ++i) {
      const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
      char byte = 0;
      std::string head;
      while (!head.ends_with("\r\n\r\n") && ::recv(peer.get(), &byte, 1, 0) == 1) head += byte;
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
      EXPECT_EQ(::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
      ::shutdown(peer.get(), SHUT_RDWR);
      closed.set();
    }
  }
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

TEST(HttpClient, recovers_when_the_kept_connection_was_closed) {
  ClosingServer server;
  HttpClient client;
  EXPECT_TRUE(client.send(request_for(server.url())));
  EXPECT_TRUE(server.closed.wait());
  EXPECT_TRUE(client.send(request_for(server.url())));
}

TEST(HttpClient, says_that_the_connection_was_refused) {
  UniqueFd holder;
  const std::string url = "http://127.0.0.1:" + std::to_string(dead_port(holder)) + "/x";
  HttpClient client;
  const Result<ClientResponse> r = client.send(request_for(url));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kUnavailable);
  EXPECT_EQ(r.error().message, "GET " + url + ": Connection refused");
}

TEST(HttpClient, refuses_bad_urls_other_schemes_and_split_headers) {
  HttpClient client;
  for (const char* url : {"", "http://", "file:///etc/passwd", "ftp://localhost/", "gopher://x/"}) {
    const Result<ClientResponse> r = client.send(request_for(url));
    ASSERT_FALSE(r) << url;
    EXPECT_EQ(r.error().code, Code::kInvalid) << url << " " << r.error().message;
  }
  for (const auto& [line, why] :
       {std::pair{"X: a\r\nY: b", "the value of the header X is not one line"},
        {"Authorization: Bearer s3cret\nmore",
         "the value of the header Authorization is not one line"},
        {"s3cret\nX: b", "a header is not \"Name: value\""},
        {"s3cret", "a header is not \"Name: value\""}}) {
    ClientRequest request = request_for("http://127.0.0.1:1/");
    request.headers = {line};
    const Error refused = client.send(request).error();
    EXPECT_EQ(refused.code, Code::kInvalid);
    EXPECT_EQ(refused.message, why) << "what is sent may be a secret";
  }
}

TEST(HttpClient, refuses_methods_that_are_no_word) {
  HttpClient client;
  for (const char* method : {"", "get", "GET /x HTTP/1.1\r\nX: y\r\n\r\nGET", "G T"}) {
    ClientRequest request = request_for("http://127.0.0.1:1/");
    request.method = method;
    EXPECT_EQ(client.send(request).error().code, Code::kInvalid) << method;
  }
}

TEST(HttpClient, sends_empty_headers_too) {
  TestServer server({route("GET", "/g", [](const HttpRequest& r) {
    return HttpResponse::json(r.headers.contains("x-empty") ? "sent" : "lost");
  })});
  HttpClient client;
  ClientRequest request = request_for(server.url("/g"));
  request.headers = {"X-Empty: "};
  EXPECT_EQ(client.send(request)->body, "sent");
}

TEST(HttpClient, follows_no_redirect) {
  TestServer server({route("GET", "/from", [](const HttpRequest&) {
    HttpResponse response = HttpResponse::json("{}", 302);
    response.headers.emplace_back("Location", "/to");
    return response;
  })});
  HttpClient client;
  const Result<ClientResponse> r = client.send(request_for(server.url("/from")));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->status, 302);
  EXPECT_EQ(r->headers.at("location"), "/to");
}

TEST(HttpClient, stops_at_the_body_cap_and_stays_usable) {
  TestServer server({route(
      "GET", "/g", [](const HttpRequest&) { return HttpResponse::json(std::string(1000, 'x')); })});
  HttpClient client;
  ClientRequest request = request_for(server.url("/g"));
  request.max_body = 999;
  const Result<ClientResponse> r = client.send(request);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().id(), "answer-too-large");
  request.max_body = 1000;
  EXPECT_TRUE(client.send(request));
}

TEST(HttpClient, gives_up_in_time_and_when_told) {
  Event entered;
  Event release;
  TestServer server({route("GET", "/slow", [&](const HttpRequest&) {
    entered.set();
    release.wait();
    return HttpResponse::json("{}");
  })});
  HttpClient client;
  ClientRequest request = request_for(server.url("/slow"));
  request.timeout = Millis{50};
  EXPECT_EQ(client.send(request).error().code, Code::kDeadline);
  std::atomic<bool> abort{false};
  ClientRequest aborted = request_for(server.url("/slow"));
  aborted.timeout = Millis{600'000};
  aborted.aborted = [&] { return abort.load(); };
  const SystemClock clock;
  std::atomic<MonoMs> told{0};
  std::thread aborter([&] {
    entered.wait(2);
    told = clock.mono_ms();
    abort = true;
  });
  const Result<ClientResponse> r = client.send(aborted);
  const MonoMs returned = clock.mono_ms();
  aborter.join();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kCancelled);
  EXPECT_LT(returned - told, 120'000) << "it waited for the deadline";
  release.set();
}

}  // namespace
}  // namespace skep::net::test
