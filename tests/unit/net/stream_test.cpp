#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "net_support.hpp"

namespace skep::net::test {
namespace {

/// Lines that streams follow from where they began to read.
class Feed {
 public:
  Route stream_route() {
    return route("GET", "/feed", [this](const HttpRequest&) {
      auto reader = std::make_shared<Open>(*this);
      return HttpResponse::streaming("text/plain", [this, reader] { return next(reader->at); });
    });
  }
  void put(const std::string& text) {
    {
      const std::lock_guard lock(mutex_);
      text_ += text;
    }
    list.wake_all();
  }
  WaitList list;
  std::atomic<int> open{0};

 private:
  struct Open {
    explicit Open(Feed& f) : feed(f) { ++feed.open; }
    ~Open() { --feed.open; }
    Feed& feed;
    std::size_t at = 0;
  };

  StreamPart next(std::size_t& at) {
    StreamPart part;
    part.wait.list = &list;
    part.wait.ticket = list.ticket(part.wait.key);
    part.wait.until = clock_.mono_ms() + kPatience.count();
    const std::lock_guard lock(mutex_);
    part.bytes = text_.substr(at);
    at = text_.size();
    part.end = part.bytes.ends_with("end\n");
    return part;
  }

  SystemClock clock_;
  std::mutex mutex_;
  std::string text_;
};

bool following(Feed& feed, std::size_t count) {
  return eventually([&] { return feed.list.size() == count; });
}

TEST(Stream, sends_pieces_as_they_come_and_ends) {
  Feed feed;
  TestServer server({feed.stream_route()});
  RawClient client(server.port());
  client.send(get("/feed"));
  ASSERT_TRUE(following(feed, 1));
  feed.put("one\n");
  ASSERT_TRUE(following(feed, 1));
  feed.put("two\n");
  ASSERT_TRUE(following(feed, 1));
  feed.put("end\n");
  std::string all;
  ASSERT_TRUE(client.read_to_end(all));
  EXPECT_EQ(all.find("Content-Length"), std::string::npos);
  EXPECT_NE(all.find("Content-Type: text/plain\r\n"), std::string::npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\none\ntwo\nend\n")) << all;
  EXPECT_TRUE(eventually([&] { return feed.open == 0; }));
}

TEST(Stream, holds_neither_thread_nor_handler_slot) {
  Feed feed;
  ServerOptions options = local_options();
  options.threads = 1;
  TestServer server(
      {feed.stream_route(),
       route("GET", "/now", [](const HttpRequest&) { return HttpResponse::json("true"); })},
      options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/feed"));
  }
  ASSERT_TRUE(following(feed, 20));
  RawClient other(server.port());
  other.send(get("/now"));
  EXPECT_EQ(other.read_response().body, "true");
}

TEST(Stream, stops_with_the_server) {
  Feed feed;
  auto server = std::make_unique<TestServer>(std::vector<Route>{feed.stream_route()});
  RawClient idle(server->port());
  RawClient stuck(server->port());
  idle.send(get("/feed"));
  stuck.send(get("/feed"));
  ASSERT_TRUE(following(feed, 2));
  feed.put(std::string(64u << 20, 'x'));  // more than the buffers of `stuck` hold
  std::string all;
  std::jthread reader([&] { idle.read_to_end(all); });
  ASSERT_TRUE(following(feed, 1));
  const auto began = std::chrono::steady_clock::now();
  (*server)->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, kPatience);
  EXPECT_EQ(feed.open, 0);
}

TEST(Stream, drops_a_reader_that_takes_nothing) {
  Feed feed;
  ServerOptions options = local_options();
  options.body_timeout = Millis{100};
  TestServer server({feed.stream_route()}, options);
  RawClient stuck(server.port());
  stuck.send(get("/feed"));
  ASSERT_TRUE(following(feed, 1));
  feed.put(std::string(16u << 20, 'x'));
  EXPECT_TRUE(eventually([&] { return feed.open == 0; }));
}

TEST(Stream, notices_a_client_that_left) {
  Feed feed;
  TestServer server({feed.stream_route()});
  RawClient client(server.port());
  client.send(get("/feed"));
  ASSERT_TRUE(following(feed, 1));
  client.close();
  EXPECT_TRUE(eventually([&] { return feed.open == 0 && feed.list.size() == 0; }));
}

TEST(Stream, answers_head_without_a_body) {
  Feed feed;
  TestServer server({feed.stream_route()});
  RawClient client(server.port());
  client.send("HEAD /feed HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  std::string all;
  ASSERT_TRUE(client.read_to_end(all));
  EXPECT_TRUE(all.ends_with("\r\n\r\n"));
}

TEST(Stream, ends_when_its_source_throws_or_spins) {
  TestServer server({route("GET", "/throws",
                           [](const HttpRequest&) {
                             return HttpResponse::streaming("text/plain", []() -> StreamPart {
                               throw std::runtime_error("no more");
                             });
                           }),
                     route("GET", "/spins", [](const HttpRequest&) {
                       return HttpResponse::streaming("text/plain", [] { return StreamPart{}; });
                     })});
  for (const auto* path : {"/throws", "/spins"}) {
    RawClient client(server.port());
    client.send(get(path));
    std::string all;
    EXPECT_TRUE(client.read_to_end(all)) << path;
  }
}

TEST(Stream, reaches_a_client_piece_by_piece) {
  Feed feed;
  TestServer server({feed.stream_route()});
  std::string got;
  ClientRequest request;
  request.url = server.url("/feed");
  request.on_body = [&](std::string_view bytes) {
    got += bytes;
    return got.find("two") == std::string::npos;
  };
  std::jthread writer([&] {
    following(feed, 1);
    feed.put("one\n");
    following(feed, 1);
    feed.put("two\n");
  });
  const auto answer = HttpClient().send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCancelled);
  EXPECT_EQ(got, "one\ntwo\n");
}

TEST(Stream, of_another_type_is_kept_from_who_takes_one) {
  TestServer server({route("GET", "/text", [](const HttpRequest&) {
    return HttpResponse::json(R"({"no":"events"})");
  })});
  ClientRequest request;
  request.url = server.url("/text");
  request.body_type = "text/event-stream";
  bool taken = false;
  request.on_body = [&](std::string_view) { return taken = true; };
  const auto answer = HttpClient().send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_FALSE(taken);
  EXPECT_EQ(answer->body, R"({"no":"events"})");
}

}  // namespace
}  // namespace skep::net::test
