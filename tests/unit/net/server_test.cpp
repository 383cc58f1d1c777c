#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "core/base/json.hpp"
#include "core/net/peer_identity.hpp"
#include "net_support.hpp"

namespace skep::net::test {
namespace {

HttpResponse ok(const HttpRequest&) { return HttpResponse::json("{\"ok\":true}"); }

HttpResponse echo(const HttpRequest& r) { return HttpResponse::json(r.body, 201); }

std::string member(const RawResponse& r, std::string_view name) {
  const Result<json::value> parsed = parse_json(r.body);
  return parsed && parsed->is_object() ? get_string(parsed->get_object(), name) : "";
}

TEST(HttpServer, answers_many_requests_on_one_connection) {
  TestServer server({route("GET", "/g", ok), route("POST", "/e", echo, 1 << 20)});
  RawClient client(server.port());
  for (int i = 0; i < 100; ++i) {
    client.send(get("/g"));
    EXPECT_EQ(client.read_response().body, "{\"ok\":true}");
    const std::string body = "{\"i\":" + std::to_string(i) + "}";
    client.send(post("/e", body));
    const RawResponse r = client.read_response();
    EXPECT_EQ(r.status, 201);
    EXPECT_EQ(r.body, body);
  }
}

TEST(HttpServer, answers_pipelined_requests_in_order) {
  TestServer server({route("POST", "/e", echo, 100), route("GET", "/g", ok)});
  RawClient client(server.port());
  std::string all;
  for (int i = 0; i < 200; ++i) all += post("/e", std::to_string(i));
  client.send(all);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.read_response().body, std::to_string(i));
}

TEST(HttpServer, takes_a_request_byte_by_byte) {
  TestServer server({route("POST", "/e", echo, 100)});
  RawClient client(server.port());
  for (const char c : "\r\n" + post("/e", "[1,2]")) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read_response().body, "[1,2]");
}

TEST(HttpServer, gives_the_handler_all_parts_of_the_request) {
  HttpRequest seen;
  TestServer server({route(
      "POST", "/api/tasks/{id}/logs",
      [&seen](const HttpRequest& r) {
        seen = r;
        return HttpResponse::json("{}");
      },
      100)});
  RawClient client(server.port());
  client.send(post("/api/v1/tasks/a%20b/logs/?from=7", "{}", "X-Trace: T1\r\nVia: 1.1 test\r\n"));
  ASSERT_EQ(client.read_response().status, 200);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/api/v1/tasks/a b/logs");
  EXPECT_EQ(seen.params.at("id"), "a b");
  EXPECT_EQ(seen.query.at("from"), "7");
  EXPECT_EQ(seen.header("x-trace"), "T1");
  EXPECT_EQ(seen.header("absent"), "");
  EXPECT_TRUE(seen.peer.starts_with("127.0.0.1:")) << seen.peer;
  EXPECT_GT(seen.received_ms, 0);
  EXPECT_EQ(seen.caller.kind, Caller::Kind::kAnonymous);
  EXPECT_FALSE(seen.closing);
}

TEST(HttpServer, answers_head_without_a_body_and_keeps_the_connection) {
  TestServer server({route("GET", "/g", ok)});
  RawClient client(server.port());
  client.send("HEAD /g HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/g"));
  const RawResponse head = client.read_response(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(RawClient::header(head.head, "Content-Length"), "11");
  EXPECT_EQ(client.read_response().body, "{\"ok\":true}");
}

TEST(HttpServer, names_the_nearest_route_and_the_allowed_methods) {
  TestServer server({route("GET", "/api/tasks", ok), route("POST", "/api/tasks", echo, 10)});
  RawClient client(server.port());
  client.send(get("/api/task"));
  const RawResponse missing = client.read_response();
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(member(missing, "next"), "did you mean /api/tasks?");
  for (const std::string method : {"DELETE", "OPTIONS", "BREW"}) {
    client.send(method + " /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const RawResponse wrong = client.read_response();
    EXPECT_EQ(wrong.status, 405) << method;
    EXPECT_EQ(RawClient::header(wrong.head, "Allow"), "GET, HEAD, POST");
  }
}

TEST(HttpServer, closes_after_http_1_0_and_after_connection_close) {
  TestServer server({route("GET", "/g", ok)});
  for (const std::string& request :
       {std::string("GET /g HTTP/1.0\r\n\r\n"), get("/g", "Connection: close\r\n")}) {
    RawClient client(server.port());
    client.send(request);
    const RawResponse answer = client.read_response();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(RawClient::header(answer.head, "Connection"), "close");
    std::string rest;
    EXPECT_TRUE(client.read_to_end(rest));
    EXPECT_EQ(rest, "");
  }
}

TEST(HttpServer, asks_for_the_token) {
  ServerOptions options = local_options();
  options.callers.token = "s3cret";
  options.callers.trust_local_uid = false;
  TestServer server(
      {route("GET", "/livez", ok),
       route(
           "GET", "/api/x", [](const HttpRequest& r) { return HttpResponse::json(r.caller.name); },
           0, Right::kOperate)},
      options);
  RawClient client(server.port());
  client.send(get("/livez"));
  EXPECT_EQ(client.read_response().status, 200);
  for (const char* line : {"", "Authorization: Bearer wrong\r\n", "Authorization: s3cret\r\n"}) {
    client.send(get("/api/x", line));
    const RawResponse refused = client.read_response();
    EXPECT_EQ(refused.status, 401);
    EXPECT_TRUE(RawClient::header(refused.head, "WWW-Authenticate").starts_with("Bearer"));
  }
  client.send(get("/api/x", "Authorization: Bearer s3cret\r\n"));
  EXPECT_EQ(client.read_response().body, "token");
}

TEST(HttpServer, a_worker_may_not_do_what_an_operator_may) {
  ServerOptions options = local_options();
  options.callers.others = [](std::string_view bearer) -> Caller {
    if (bearer == "w") return {Caller::Kind::kWorker, "w1", Right::kWork};
    return {};
  };
  TestServer server({route("GET", "/work", ok, 0, Right::kWork),
                     route("GET", "/operate", ok, 0, Right::kOperate)},
                    options);
  RawClient client(server.port());
  const auto status = [&](const std::string& path, const std::string& token) {
    client.send(get(path, "Authorization: Bearer " + token + "\r\n"));
    return client.read_response().status;
  };
  EXPECT_EQ(status("/work", "w"), 200);
  EXPECT_EQ(status("/work", "x"), 401);
  EXPECT_EQ(status("/operate", "x"), 401);
  RawClient another(server.port());
  another.send(get("/operate", "Authorization: Bearer w\r\n"));
  EXPECT_EQ(another.read_response().status, 403);
}

/// The status that a request on a new connection gets, with these header lines.
int status_of_request(TestServer& server, const std::string& lines) {
  RawClient client(server.port());
  client.send(get("/api/x", lines));
  return client.read_response().status;
}

TEST(HttpServer, its_own_user_needs_no_token_where_he_speaks_for_himself) {  // B2
  if (!PeerIdentity().probe()) GTEST_SKIP() << "this kernel tells no users apart";
  ServerOptions options = local_options();
  options.callers.token = "s3cret";
  TestServer server({route("GET", "/api/x", ok, 0, Right::kOperate)}, options);
  EXPECT_EQ(status_of_request(server, ""), 200);
  EXPECT_EQ(status_of_request(server, "Origin: http://localhost\r\n"), 200);
  for (const char* lines :
       {"Forwarded: for=10.0.0.1\r\n", "X-Forwarded-For: 10.0.0.1\r\n", "x-forwarded-host: a\r\n",
        "Via: 1.1 proxy\r\n", "Via:\r\n", "X-Real-IP: 10.0.0.1\r\n",
        "Origin: http://localhost:8080\r\n", "Authorization: Bearer wrong\r\n"})
    EXPECT_EQ(status_of_request(server, lines), 401) << lines;
  EXPECT_EQ(status_of_request(server, "Via: 1.1 proxy\r\nAuthorization: Bearer s3cret\r\n"), 200);
}

TEST(HttpServer, trusts_no_user_when_told_so) {
  ServerOptions options = local_options();
  options.callers.trust_local_uid = false;
  TestServer server({route("GET", "/api/x", ok, 0, Right::kOperate)}, options);
  EXPECT_EQ(status_of_request(server, ""), 401);
}

TEST(HttpServer, another_user_of_the_machine_needs_a_token) {  // B2
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  ServerOptions options = local_options();
  options.callers.token = "s3cret";
  TestServer server({route("GET", "/api/x", ok, 0, Right::kOperate)}, options);
  const auto as_other = [&](const std::string& lines) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setresuid(65533, 65533, 65533) != 0) ::_exit(1);
      ::_exit(status_of_request(server, lines) - 200);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return 200 + WEXITSTATUS(status);
  };
  EXPECT_EQ(as_other(""), 401);
  EXPECT_EQ(as_other("Authorization: Bearer s3cret\r\n"), 200);
}

TEST(HttpServer, listens_beyond_loopback_only_with_a_token) {
  for (const char* address : {"0.0.0.0:0", "[::]:0"}) {
    ServerOptions options;
    options.listen = {address};
    HttpServer open(options, Router({}));
    const Status refused = open.start();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConfig);
    EXPECT_NE(refused.error().message.find(address), std::string::npos);
    EXPECT_FALSE(refused.error().next.empty());
  }
  ServerOptions options;
  options.listen = {"0.0.0.0:0"};
  options.callers.token = "t";
  HttpServer guarded(options, Router({}));
  EXPECT_TRUE(guarded.start());
}

TEST(HttpServer, says_what_is_wrong_with_a_listen_address) {
  for (const char* address : {"", "9595", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "::1:80",
                              "127.0.0.1:70000", "example.com:80", "[127.0.0.1]:80"}) {
    ServerOptions options;
    options.listen = {address};
    HttpServer server(options, Router({}));
    const Status refused = server.start();
    ASSERT_FALSE(refused) << address;
    EXPECT_EQ(refused.error().code, Code::kConfig) << address;
    EXPECT_FALSE(refused.error().next.empty());
  }
}

TEST(HttpServer, says_that_a_port_is_taken) {
  TestServer first({});
  ServerOptions options;
  options.listen = {"127.0.0.1:" + std::to_string(first.port())};
  HttpServer second(options, Router({}));
  const Status refused = second.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_NE(refused.error().next.find("ss -ltnp"), std::string::npos);
}

TEST(HttpServer, turns_an_exception_into_a_500_and_goes_on) {
  TestServer server(
      {route("GET", "/boom",
             [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("secret detail"); }),
       route("GET", "/g", ok)});
  RawClient client(server.port());
  client.send(get("/boom"));
  const RawResponse failed = client.read_response();
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.body.find("secret"), std::string::npos);
  client.send(get("/g"));
  EXPECT_EQ(client.read_response().status, 200);
}

TEST(HttpServer, sends_and_takes_large_bodies) {
  const std::string large(8u << 20, 'x');
  TestServer server({route("POST", "/e", echo, 16u << 20)});
  RawClient client(server.port());
  client.send(post("/e", large));
  EXPECT_EQ(client.read_response().body, large);
}

TEST(HttpServer, invites_the_body_that_expects_it) {
  TestServer server({route("POST", "/e", echo, 10)});
  RawClient client(server.port());
  const std::string request = post("/e", "[7]", "Expect: 100-continue\r\n");
  client.send(request.substr(0, request.size() - 3));
  EXPECT_EQ(client.read_response().status, 100);
  client.send("[7]");
  EXPECT_EQ(client.read_response().body, "[7]");
  const std::string too_large = post("/e", std::string(50, 'x'), "Expect: 100-continue\r\n");
  client.send(too_large.substr(0, too_large.size() - 50));
  EXPECT_EQ(client.read_response().status, 413);
}

TEST(HttpServer, reports_each_answer_with_its_route) {
  std::mutex mutex;
  std::vector<std::string> reports;
  Event reported;
  ServerOptions options = local_options();
  options.on_request = [&](std::string_view method, std::string_view path, int status, Millis) {
    const std::lock_guard lock(mutex);
    reports.push_back(std::string(method) + " " + std::string(path) + " " + std::to_string(status));
    reported.set();
  };
  TestServer server({route("GET", "/t/{id}", ok)}, options);
  RawClient client(server.port());
  client.send(get("/t/1") + get("/none"));
  ASSERT_TRUE(reported.wait(2));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(reports, (std::vector<std::string>{"GET /t/{id} 200", "GET  404"}));
}

TEST(HttpServer, serves_64_clients_at_once) {
  std::atomic<int> calls{0};
  TestServer server({route(
      "POST", "/e",
      [&calls](const HttpRequest& r) {
        ++calls;
        return HttpResponse::json(r.body);
      },
      1000)});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t)
    threads.emplace_back([&, t] {
      HttpClient client;
      ClientRequest request;
      request.method = "POST";
      request.url = server.url("/e");
      request.timeout = request.connect_timeout = kPatience;
      for (int i = 0; i < 20; ++i) {
        request.body = "[" + std::to_string(t) + "," + std::to_string(i) + "]";
        const Result<ClientResponse> r = client.send(request);
        if (!r || r->status != 200 || r->body != request.body) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(calls, 64 * 20);
}

TEST(HttpServer, keeps_the_network_alive_while_every_handler_blocks) {
  Event entered;
  Event release;
  ServerOptions options = local_options();
  options.threads = 2;
  TestServer server({route("GET", "/block",
                           [&](const HttpRequest& r) {
                             entered.set();
                             release.wait();
                             return ok(r);
                           })},
                    options);
  std::vector<std::unique_ptr<RawClient>> blocked;
  for (int i = 0; i < 5; ++i) {
    blocked.push_back(std::make_unique<RawClient>(server.port()));
    blocked.back()->send(get("/block"));
  }
  ASSERT_TRUE(entered.wait(2));
  RawClient other(server.port());
  other.send(get("/none"));  // needs no handler
  EXPECT_EQ(other.read_response().status, 404);
  EXPECT_EQ(entered.count(), 2);
  release.set();
  for (const auto& client : blocked) EXPECT_EQ(client->read_response().status, 200);
}

TEST(HttpServer, stops_with_idle_connections_and_lets_a_running_handler_answer) {
  Event entered;
  Event release;
  auto server = std::make_unique<TestServer>(
      std::vector<Route>{route("GET", "/slow", [&](const HttpRequest& r) {
        entered.set();
        release.wait();
        return ok(r);
      })});
  RawClient idle(server->port());
  RawClient half(server->port());
  half.send("GET /slow HT");
  RawClient busy(server->port());
  busy.send(get("/slow"));
  ASSERT_TRUE(entered.wait());
  const std::uint16_t port = server->port();
  std::thread stopper([&] { (*server)->stop(kPatience); });
  std::string rest;
  EXPECT_TRUE(idle.read_to_end(rest));
  EXPECT_TRUE(half.read_to_end(rest));
  release.set();
  const RawResponse answer = busy.read_response();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(RawClient::header(answer.head, "Connection"), "close");
  stopper.join();
  EXPECT_FALSE(RawClient(port).connected());
  (*server)->stop();
}

TEST(HttpServer, stop_closes_what_the_grace_did_not_end) {
  Event entered;
  Event release;
  TestServer server({route("GET", "/slow", [&](const HttpRequest& r) {
    entered.set();
    release.wait();
    return ok(r);
  })});
  RawClient busy(server.port());
  busy.send(get("/slow"));
  ASSERT_TRUE(entered.wait());
  std::thread stopper([&] { server->stop(Millis{1}); });
  release.set();
  stopper.join();
  std::string rest;
  EXPECT_TRUE(busy.read_to_end(rest));
}

TEST(HttpServer, starts_once_and_stops_before_start) {
  HttpServer server(local_options(), Router({}));
  server.stop();
  EXPECT_TRUE(server.start());
  EXPECT_FALSE(server.start());
  server.stop();
  EXPECT_FALSE(server.start());
}

}  // namespace
}  // namespace skep::net::test
