#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <future>
#include <latch>
#include <memory>

#include "core/net/handler_slots.hpp"
#include "core/net/head.hpp"
#include "net_support.hpp"

namespace skep::net::test {
namespace {

HttpResponse empty_json(const HttpRequest&) { return HttpResponse::json("{}"); }

std::vector<Route> routes() {
  std::vector<Route> out;
  out.push_back(route("GET", "/g", empty_json));
  out.push_back(route("POST", "/p", empty_json, 1u << 20));
  return out;
}

TEST(Limits, a_gigabyte_is_refused_unread) {
  TestServer server(routes());
  RawClient client(server.port());
  client.send(
      "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 1073741824\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 413);
  const std::string block(64u << 10, 'x');
  int sent = 0;
  while (sent < 1024 && client.send(block)) ++sent;
  EXPECT_LT(sent, 1024);  // socket buffers took some of it, the server stopped reading
}

TEST(Limits, a_header_of_more_than_8_kib_is_refused) {
  TestServer server(routes());
  for (const bool ends : {true, false}) {
    RawClient client(server.port());
    const std::string padding = "X: " + std::string(8190, 'a') + "\r\n";
    client.send("GET /g HTTP/1.1\r\nHost: localhost\r\n" + padding + (ends ? "\r\n" : ""));
    EXPECT_EQ(client.read_response().status, 431);
    std::string rest;
    EXPECT_TRUE(client.read_to_end(rest));
  }
  const std::size_t rest = get("/g", "X: \r\n").size();
  for (const auto& [size, status] : {std::pair(kMaxHead, 200), std::pair(kMaxHead + 1, 431)}) {
    RawClient edge(server.port());
    edge.send(get("/g", "X: " + std::string(size - rest, 'a') + "\r\n"));
    EXPECT_EQ(edge.read_response().status, status) << size;
  }
}

TEST(Limits, what_comes_after_a_refused_header_is_read_so_that_the_answer_is_too) {
  TestServer server(routes());
  RawClient client(server.port());
  client.send("GET /g HTTP/1.1\r\nX: " + std::string(64u << 10, 'a'));
  EXPECT_EQ(client.read_response().status, 431);
  std::string rest;
  EXPECT_TRUE(client.read_to_end(rest));
  EXPECT_TRUE(client.send("a")) << "the connection was reset";
}

/// With whoever has begun to speak: who has not may be a test that was not given the processor.
ServerOptions impatient() {
  ServerOptions options = local_options();
  options.header_timeout = Millis{150};
  options.body_timeout = Millis{150};
  return options;
}

TEST(Limits, slow_headers_are_cut_off_while_others_are_served) {
  TestServer server(routes(), impatient());
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(std::make_unique<RawClient>(server.port()));
    slow.back()->send("GET /g HTTP/1.1\r\nHost:");
  }
  RawClient good(server.port());
  good.send(get("/g"));
  EXPECT_EQ(good.read_response().status, 200);
  for (const auto& client : slow) {
    EXPECT_EQ(client->read_response().status, 408);
    std::string rest;
    EXPECT_TRUE(client->read_to_end(rest));
  }
}

/// One that has been served: the header's time begins with the first byte of the next request, and
/// not before the test is given the processor.
std::unique_ptr<RawClient> known_client(TestServer& server) {
  std::unique_ptr<RawClient> client;
  EXPECT_TRUE(eventually([&] {
    client = std::make_unique<RawClient>(server.port());
    client->send(get("/g"));
    return client->read_response().status == 200;
  }));
  return client;
}

/// The answer to `request`, whose last 200 bytes come one by one.
int status_of_trickle(const ServerOptions& options, const std::string& request) {
  constexpr std::size_t kBytes = 200;
  TestServer server(routes(), options);
  const auto slow = known_client(server);
  const auto other = known_client(server);
  slow->send(request.substr(0, request.size() - kBytes));
  auto answer = std::async(std::launch::async, [&] { return slow->read_response().status; });
  for (std::size_t i = request.size() - kBytes; i < request.size(); ++i) {
    slow->send(request.substr(i, 1));
    ::poll(nullptr, 0, 10);
    other->send(get("/g"));  // however slow the server is, it had its turn
    EXPECT_EQ(other->read_response().status, 200);
  }
  return answer.get();
}

TEST(Limits, a_trickle_does_not_prolong_the_header) {
  ServerOptions options = local_options();
  options.header_timeout = Millis{500};
  EXPECT_EQ(status_of_trickle(options, get("/g", "X: " + std::string(300, 'a') + "\r\n")), 408)
      << "200 times 10 ms are more than 500";
}

TEST(Limits, a_trickle_does_not_prolong_the_body) {
  ServerOptions options = local_options();
  options.body_timeout = Millis{500};
  EXPECT_EQ(status_of_trickle(options, post("/p", "\"" + std::string(300, 'a') + "\"")), 408)
      << "200 times 10 ms are more than 500";
}

TEST(Limits, slow_bodies_end) {
  TestServer server(routes(), impatient());
  RawClient slow(server.port());
  const std::string request = post("/p", "[1,2,3]");
  slow.send(request.substr(0, request.size() - 3));
  EXPECT_EQ(slow.read_response().status, 408);
}

TEST(Limits, idle_connections_end) {
  ServerOptions options = local_options();
  options.idle_timeout = Millis{150};
  TestServer server(routes(), options);
  RawClient idle(server.port());
  std::string nothing;
  EXPECT_TRUE(idle.read_to_end(nothing));
  EXPECT_EQ(nothing, "");
  EXPECT_TRUE(known_client(server)->read_to_end(nothing));
}

TEST(Limits, a_body_that_ends_early_is_said_to) {
  TestServer server(routes());
  RawClient client(server.port());
  const std::string request = post("/p", "[1,2,3]");
  client.send(request.substr(0, request.size() - 3));
  client.finish_sending();
  const RawResponse answer = client.read_response();
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("4 of 7"), std::string::npos) << answer.body;
}

TEST(Limits, a_peer_that_does_not_read_is_dropped) {
  ServerOptions options = impatient();
  const std::string large(8u << 10, 'x');
  TestServer server(
      {route("GET", "/large", [&](const HttpRequest&) { return HttpResponse::json(large); })},
      options);
  RawClient client(server.port());
  std::string many;
  for (int i = 0; i < 5000; ++i) many += get("/large");
  client.send(many);
  // 40 MiB never fit the socket buffers: the server gives up.
  EXPECT_TRUE(eventually([&] { return !client.send("x"); }));
}

TEST(Limits, half_requests_make_room_for_new_connections) {
  for (const bool per_address : {true, false}) {
    ServerOptions options = local_options();
    options.header_timeout = Millis{60'000};
    (per_address ? options.max_per_address : options.max_connections) = 3;
    TestServer server(routes(), options);
    std::vector<std::unique_ptr<RawClient>> half;
    for (int i = 0; i < 20; ++i) {
      half.push_back(std::make_unique<RawClient>(server.port()));
      half.back()->send("GET /g");
    }
    RawClient honest(server.port());
    honest.send(get("/g"));
    EXPECT_EQ(honest.read_response().status, 200);
    const auto gone = [](const auto& client) { return !client->send("x"); };
    EXPECT_TRUE(eventually([&] { return std::ranges::count_if(half, gone) >= 18; }));
  }
}

TEST(Limits, connections_beyond_those_at_work_are_closed_at_once) {
  for (const bool per_address : {true, false}) {
    ServerOptions options = local_options();
    (per_address ? options.max_per_address : options.max_connections) = 3;
    options.threads = 4;
    std::latch go(1);
    std::latch busy(3);
    auto all = routes();
    all.push_back(route("GET", "/busy", [&](const HttpRequest&) {
      busy.count_down();
      go.wait();
      return HttpResponse::json("{}");
    }));
    TestServer server(std::move(all), options);
    std::vector<std::unique_ptr<RawClient>> kept;
    for (int i = 0; i < 3; ++i) {
      kept.push_back(std::make_unique<RawClient>(server.port()));
      kept.back()->send(get("/busy"));
    }
    busy.wait();
    RawClient excess(server.port());
    std::string nothing;
    EXPECT_TRUE(excess.read_to_end(nothing));
    EXPECT_EQ(nothing, "");
    go.count_down();
    for (const auto& client : kept) EXPECT_EQ(client->read_response().status, 200);
    EXPECT_TRUE(eventually([&] {
      RawClient next(server.port());
      return next.send(get("/g")) && next.read_response().status == 200;
    }));
  }
}

TEST(Limits, lists_leave_handlers_for_the_others) {  // N12
  ServerOptions options = local_options();
  options.threads = 4;
  Event busy;
  Event go;
  auto all = routes();
  all.push_back(heavy(route("GET", "/list", [&](const HttpRequest&) {
    busy.set();
    go.wait();
    return HttpResponse::json("{}");
  })));
  TestServer server(std::move(all), options);
  std::vector<std::unique_ptr<RawClient>> lists;
  for (int i = 0; i < 8; ++i) {
    lists.push_back(std::make_unique<RawClient>(server.port()));
    lists.back()->send(get("/list"));
  }
  ASSERT_TRUE(busy.wait());
  RawClient other(server.port());
  other.send(get("/g"));
  EXPECT_EQ(other.read_response().status, 200);
  EXPECT_EQ(busy.count(), 1);
  go.set();
  for (const auto& client : lists) EXPECT_EQ(client->read_response().status, 200);
}

/// The head of a POST to /p; the server asks for its body ("100 Continue") or refuses it.
std::string announced(std::size_t bytes) {
  return "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Expect: 100-continue\r\nContent-Length: " +
         std::to_string(bytes) + "\r\n\r\n";
}

TEST(Limits, bodies_have_a_budget_of_which_large_ones_leave_some_to_small_ones) {  // B11
  ServerOptions options = local_options();
  options.body_memory = 16u << 20;
  TestServer server({route("POST", "/p", empty_json, 32u << 20)}, options);
  std::vector<std::unique_ptr<RawClient>> held;
  const auto status = [&](std::size_t bytes) {
    held.push_back(std::make_unique<RawClient>(server.port()));
    held.back()->send(announced(bytes));
    return held.back()->read_response().status;
  };
  EXPECT_EQ(status(6u << 20), 100);
  EXPECT_EQ(status(6u << 20), 100);
  RawClient refused(server.port());
  refused.send(announced(2u << 20));
  const RawResponse answer = refused.read_response();
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.head.find("Retry-After: 1"), std::string::npos) << answer.head;
  EXPECT_EQ(status(1u << 20), 100);
  EXPECT_EQ(status(1u << 20), 100);
  EXPECT_EQ(status(1u << 20), 503) << "an eighth is for beats and claims";
  EXPECT_EQ(status(60u << 10), 100);
  held.clear();
  EXPECT_TRUE(eventually([&] { return status(12u << 20) == 100; })) << "those who left gave back";
}

TEST(Limits, a_body_that_is_alone_has_a_place_and_gives_it_back_with_its_answer) {
  ServerOptions options = local_options();
  options.body_memory = 1u << 20;
  TestServer server({route("POST", "/p", empty_json, 4u << 20)}, options);
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send(post("/p", '"' + std::string(3u << 20, 'x') + '"'));
    EXPECT_EQ(client.read_response().status, 200);
  }
}

TEST(Limits, large_bodies_leave_handlers_for_the_others) {  // B11
  ServerOptions options = local_options();
  options.threads = 4;
  Event busy;
  Event go;
  TestServer server({route(
                        "POST", "/p",
                        [&](const HttpRequest& r) {
                          if (r.body.size() < 100) return HttpResponse::json("{}");
                          busy.set();
                          go.wait();
                          return HttpResponse::json("{}");
                        },
                        4u << 20)},
                    options);
  const std::string large = post("/p", '"' + std::string(2u << 20, 'x') + '"');
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(large);
  }
  ASSERT_TRUE(busy.wait());
  RawClient other(server.port());
  other.send(post("/p", "{}"));
  EXPECT_EQ(other.read_response().status, 200);
  EXPECT_EQ(busy.count(), 1);
  go.set();
  for (const auto& client : clients) EXPECT_EQ(client->read_response().status, 200);
}

TEST(Limits, more_values_than_a_route_takes_are_refused_before_anybody_reads_them) {  // N8
  int calls = 0;
  TestServer server({many_values(route(
                                     "POST", "/p",
                                     [&](const HttpRequest&) {
                                       ++calls;
                                       return HttpResponse::json("{}");
                                     },
                                     1u << 20),
                                 1'000)});
  RawClient client(server.port());
  const auto status = [&](const std::string& body) {
    client.send(post("/p", body));
    return client.read_response().status;
  };
  const auto array = [](std::size_t items, const std::string& item) {
    std::string out = "[" + item;
    for (std::size_t i = 1; i < items; ++i) out += "," + item;
    return out + "]";
  };
  EXPECT_EQ(status(array(999, "1")), 200);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(status(array(1'000, "1")), 413);
  EXPECT_EQ(status(array(500'000, "1")), 413);
  EXPECT_EQ(status(array(300, "[{}]")), 200);
  EXPECT_EQ(status(array(600, "[[]]")), 413);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(status("[\"" + std::string(100'000, ',') + "\\\",,,\",1]"), 200) << "text";
  EXPECT_EQ(calls, 3);
}

TEST(HandlerSlots, fresh_requests_and_those_that_waited_take_turns) {  // N6
  HandlerSlots slots(1);
  std::string order;
  const auto wait = [&](HandlerKind kind, char name) {
    EXPECT_FALSE(slots.enter(kind, [&order, name] { order += name; }));
  };
  EXPECT_TRUE(slots.enter(HandlerKind::kFresh, [] {}));
  for (const char c : {'1', '2', '3'}) wait(HandlerKind::kResumed, c);
  for (const char c : {'a', 'b'}) wait(HandlerKind::kFresh, c);
  wait(HandlerKind::kHeavy, 'L');
  slots.leave(HandlerKind::kFresh);
  for (const HandlerKind kind : {HandlerKind::kResumed, HandlerKind::kHeavy, HandlerKind::kFresh,
                                 HandlerKind::kResumed, HandlerKind::kFresh})
    slots.leave(kind);
  EXPECT_EQ(order, "1La2b3");
}

/// Lowers the limit of open files for a scope.
class FewFiles {
 public:
  explicit FewFiles(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit lower = before_;
    lower.rlim_cur = limit;
    setrlimit(RLIMIT_NOFILE, &lower);
  }
  ~FewFiles() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

TEST(Limits, accepting_without_free_files_does_not_spin_and_recovers) {
  TestServer server(routes());
  const UniqueFd next_free(::dup(0));
  RawClient client(server.port());  // its socket exists before the limit falls
  client.send(get("/g"));
  EXPECT_EQ(client.read_response().status, 200);
  UniqueFd raw(::socket(AF_INET, SOCK_STREAM, 0));
  {
    const FewFiles few(static_cast<rlim_t>(next_free.get()));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(raw.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    const double before = cpu_seconds();
    ::poll(nullptr, 0, 500);  // the time over which the load is measured
    EXPECT_LT(cpu_seconds() - before, 0.1);
    client.send(get("/g"));
    EXPECT_EQ(client.read_response().status, 200);
  }
  RawClient after(server.port());
  after.send(get("/g"));
  EXPECT_EQ(after.read_response().status, 200);
}

}  // namespace
}  // namespace skep::net::test
