#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "net_support.hpp"

namespace skep::net::test {
namespace {

/// A box that requests wait for: GET /take answers with an item, or with "null" at the end.
class Box {
 public:
  explicit Box(Millis wait) : wait_(wait) {}

  Route take_route() {
    return route("GET", "/take", [this](const HttpRequest& r) { return take(r); });
  }
  void put(int item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(item);
    }
    list.wake("take");
  }
  std::size_t left() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

  WaitList list;
  Event ran;
  Event abandoned;
  std::atomic<int> closing_runs{0};
  std::atomic<MonoMs> first_received{0};

 private:
  HttpResponse take(const HttpRequest& r) {
    const std::uint64_t ticket = list.ticket("take");
    MonoMs unset = 0;
    first_received.compare_exchange_strong(unset, r.received_ms);
    ran.set();
    if (r.closing) ++closing_runs;
    {
      const std::lock_guard lock(mutex_);
      if (!items_.empty()) {
        const int item = items_.back();
        items_.pop_back();
        return HttpResponse::json(std::to_string(item));
      }
    }
    const MonoMs until = r.received_ms + wait_.count();
    if (r.closing || clock_.mono_ms() >= until) return HttpResponse::json("null");
    Wait wait;
    wait.list = &list;
    wait.key = "take";
    wait.ticket = ticket;
    wait.until = until;
    wait.abandoned = [this] { abandoned.set(); };
    return HttpResponse::wait_for(std::move(wait));
  }

  const Millis wait_;
  const SystemClock clock_;
  mutable std::mutex mutex_;
  std::vector<int> items_;
};

bool parked(const Box& box, std::size_t count) {
  return eventually([&] { return box.list.size() == count; });
}

TEST(LongPoll, wakes_with_the_news) {
  Box box(kPatience);
  TestServer server({box.take_route()});
  RawClient client(server.port());
  for (int i = 1; i <= 20; ++i) {
    client.send(get("/take"));
    ASSERT_TRUE(parked(box, 1));
    box.put(i);
    EXPECT_EQ(client.read_response().body, std::to_string(i));
  }
}

TEST(LongPoll, answers_when_its_time_is_up) {
  Box box(Millis{50});
  TestServer server({box.take_route()});
  RawClient client(server.port());
  client.send(get("/take"));
  EXPECT_EQ(client.read_response().body, "null");
  EXPECT_GE(SystemClock().mono_ms() - box.first_received, 50);
  EXPECT_EQ(box.list.size(), 0u);
}

TEST(LongPoll, many_waiters_need_few_threads) {
  Box box(kPatience);
  ServerOptions options = local_options();
  options.threads = 1;
  TestServer server({box.take_route()}, options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/take"));
  }
  ASSERT_TRUE(parked(box, 100));
  for (int i = 0; i < 100; ++i) box.put(i);
  int sum = 0;
  for (const auto& client : clients)
    sum += static_cast<int>(to_int(client->read_response().body).value_or(-1000));
  EXPECT_EQ(sum, 4950);
}

TEST(LongPoll, a_client_that_leaves_frees_its_waiter) {
  Box box(kPatience);
  TestServer server({box.take_route()});
  auto leaver = std::make_unique<RawClient>(server.port());
  leaver->send(get("/take"));
  ASSERT_TRUE(parked(box, 1));
  leaver.reset();
  EXPECT_TRUE(box.abandoned.wait());
  EXPECT_EQ(box.list.size(), 0u);
  auto piping = std::make_unique<RawClient>(server.port());
  piping->send(get("/take") + get("/take"));
  ASSERT_TRUE(parked(box, 1));
  piping.reset();
  EXPECT_TRUE(parked(box, 0));
}

TEST(LongPoll, news_for_a_client_that_left_go_to_the_next) {
  Box box(kPatience);
  TestServer server({box.take_route()});
  for (int round = 0; round < 50; ++round) {
    auto leaver = std::make_unique<RawClient>(server.port());
    leaver->send(get("/take"));
    ASSERT_TRUE(parked(box, 1));
    RawClient stayer(server.port());
    stayer.send(get("/take"));
    ASSERT_TRUE(parked(box, 2));
    std::thread leaving([&] { leaver.reset(); });
    box.put(round);
    leaving.join();
    // Either the leaver's handler took the item before it was seen to have left, or the stayer has
    // it; it is never left lying while somebody waits.
    EXPECT_TRUE(eventually([&] { return box.left() == 0; }));
    stayer.close();
    ASSERT_TRUE(parked(box, 0));
  }
}

TEST(LongPoll, answers_pipelined_requests_after_the_wait) {
  Box box(kPatience);
  TestServer server({box.take_route()});
  RawClient client(server.port());
  client.send(get("/take"));
  ASSERT_TRUE(parked(box, 1));
  client.send(get("/none"));
  box.put(5);
  EXPECT_EQ(client.read_response().body, "5");
  EXPECT_EQ(client.read_response().status, 404);
}

TEST(LongPoll, stop_runs_waiting_handlers_a_last_time) {
  Box box(kPatience);
  TestServer server({box.take_route()});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/take"));
  }
  ASSERT_TRUE(parked(box, 8));
  server->stop(kPatience);
  for (const auto& client : clients) EXPECT_EQ(client->read_response().body, "null");
  EXPECT_EQ(box.closing_runs, 8);
  EXPECT_EQ(box.list.size(), 0u);
}

TEST(LongPoll, stop_is_safe_while_news_pour_in) {
  for (int round = 0; round < 10; ++round) {
    Box box(kPatience);
    TestServer server({box.take_route()});
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 8; ++i) {
      clients.push_back(std::make_unique<RawClient>(server.port()));
      clients.back()->send(get("/take"));
    }
    ASSERT_TRUE(parked(box, 8));
    std::atomic<bool> done{false};
    std::thread waker([&] {
      while (!done) box.list.wake_all();
    });
    EXPECT_TRUE(box.ran.wait(100));
    server->stop(kPatience);
    done = true;
    waker.join();
    for (const auto& client : clients) EXPECT_EQ(client->read_response().body, "null");
  }
}

TEST(LongPoll, requests_that_wait_keep_nobody_of_their_address_out) {  // N3
  ServerOptions options = local_options();
  options.max_per_address = 3;
  Box box(kPatience);
  TestServer server({box.take_route()}, options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/take"));
    ASSERT_TRUE(parked(box, i + 1));
  }
  RawClient other(server.port());
  other.send(get("/none"));
  EXPECT_EQ(other.read_response().status, 404);
}

/// Fourteen of its sixteen connections may wait.
ServerOptions small_server() {
  ServerOptions options = local_options();
  options.max_connections = 16;
  return options;
}

std::vector<std::unique_ptr<RawClient>> fourteen_waiting(const TestServer& server, const Box& box) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < 14; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/take"));
    EXPECT_TRUE(parked(box, i + 1));
  }
  return clients;
}

TEST(LongPoll, without_room_to_wait_a_request_is_answered) {  // N3
  Box box(kPatience);
  TestServer server({box.take_route()}, small_server());
  const auto waiting = fourteen_waiting(server, box);
  RawClient one_more(server.port());
  one_more.send(get("/take"));
  EXPECT_EQ(one_more.read_response().body, "null");
  EXPECT_EQ(box.list.size(), 14u);
  one_more.send(get("/none"));
  EXPECT_EQ(one_more.read_response().status, 404);
}

TEST(LongPoll, the_request_that_has_waited_longest_makes_room) {  // N3
  Box box(kPatience);
  Event busy;
  Event go;
  TestServer server({box.take_route(), route("GET", "/busy",
                                             [&](const HttpRequest&) {
                                               busy.set();
                                               go.wait();
                                               return HttpResponse::json("{}");
                                             })},
                    small_server());
  const auto waiting = fourteen_waiting(server, box);
  std::vector<std::unique_ptr<RawClient>> working;
  for (int i = 0; i < 2; ++i) {
    working.push_back(std::make_unique<RawClient>(server.port()));
    working.back()->send(get("/busy"));
  }
  ASSERT_TRUE(busy.wait(2));
  RawClient newcomer(server.port());
  newcomer.send(get("/none"));
  EXPECT_EQ(newcomer.read_response().status, 404);
  EXPECT_EQ(waiting.front()->read_response().body, "null");
  std::string rest;
  EXPECT_TRUE(waiting.front()->read_to_end(rest));
  EXPECT_EQ(box.list.size(), 13u);
  go.set();
}

TEST(LongPoll, a_handler_that_never_answers_is_ended) {
  WaitList list;
  const SystemClock clock;
  TestServer server({route("GET", "/past", [&](const HttpRequest&) {
    Wait wait;
    wait.list = &list;
    wait.ticket = list.ticket(wait.key);
    wait.until = clock.mono_ms() - 1;
    return HttpResponse::wait_for(std::move(wait));
  })});
  RawClient client(server.port());
  client.send(get("/past"));
  EXPECT_EQ(client.read_response().status, 500);
}

}  // namespace
}  // namespace skep::net::test
