// GET /api/events of a control plane: durable events and the node's own in one stream.
#include <gtest/gtest.h>

#include "core/app/event_streams.hpp"
#include "core/control/events/event_log.hpp"
#include "tests/support/memory_store.hpp"

namespace skep::app {
namespace {

using Kinds = std::vector<std::string>;
using control::EventFeed;
using control::EventLog;
using control::NewEvent;

/// Does not answer queries while it is told so.
class AwayStore final : public ports::Store {
 public:
  Result<std::vector<std::vector<ports::Row>>> batch(
      std::span<const ports::Statement> statements) override {
    return store_.batch(statements);
  }
  Result<std::vector<ports::Row>> query(const ports::Statement& statement) override {
    if (away) return Error{Code::kUnavailable, "the store is away"};
    return store_.query(statement);
  }
  Status migrate(const std::string& name, std::span<const std::string> migrations) override {
    return store_.migrate(name, migrations);
  }
  bool away = false;

 private:
  test::MemoryStore store_;
};

class DurableEvents : public testing::Test {
 protected:
  DurableEvents() {
    EXPECT_TRUE(store.migrate("events", EventLog::migrations()));
    streams.attach(feed);
  }
  ~DurableEvents() override { feed->close(); }

  static net::HttpRequest asking(std::map<std::string, std::string> query = {},
                                 std::string last_id = {}) {
    net::HttpRequest request;
    request.query = std::move(query);
    if (!last_id.empty()) request.headers["last-event-id"] = std::move(last_id);
    return request;
  }
  void keep(int n, const std::string& subject = "t", std::string_view kind = "task.failed") {
    const WallMs now = SystemClock{}.wall_ms();
    for (int i = 0; i < n; ++i)
      ASSERT_TRUE(
          store.batch(log.statements(std::vector<NewEvent>{{now, kind, subject, "system"}})));
  }
  static void publish() { events::publish(log::Level::kDebug, "test.event", {{"n", 1}}); }
  /// All that a stream gives until it waits with nothing under way, or ends.
  std::string drained(net::HttpResponse& response, EventFeed& from) {
    std::string out;
    EXPECT_TRUE(from.look());
    for (int quiet = 0; quiet < 3;) {
      const net::StreamPart part = response.stream();
      out += part.bytes;
      if (part.end) return out;
      quiet = part.bytes == ": still here\n\n" ? quiet + 1 : 0;
      EXPECT_TRUE(from.look());
    }
    return out;
  }
  std::string drained(net::HttpResponse& response) { return drained(response, *feed); }
  static std::vector<std::string> all_of(const std::string& text, const std::string& prefix) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      if (line.starts_with(prefix)) out.push_back(line.substr(prefix.size()));
      at = end + 1;
    }
    return out;
  }
  static std::string last_id(const std::string& text) { return all_of(text, "id: ").back(); }
  using Words = std::vector<std::string>;

  AwayStore store;
  std::shared_ptr<EventFeed> feed =
      std::make_shared<EventFeed>(store, Kinds{"*", "!task.succeeded"});
  EventLog log{feed};
  EventStreams streams{4, {}, true};
};

TEST_F(DurableEvents, come_in_one_stream_with_the_nodes_own) {
  auto response = streams.open_all(asking());
  publish();
  keep(2);
  publish();
  const std::string text = drained(response);
  EXPECT_EQ(all_of(text, "event: ").size(), 4u);
  EXPECT_NE(text.find(R"("event":"task.failed","subject":"t","actor":"system","fields":{})"),
            std::string::npos)
      << text;
  EXPECT_EQ(parse_cursor(last_id(text))->sequence, 2);
}

TEST_F(DurableEvents, and_others_come_in_the_order_of_their_times) {
  auto before = streams.open_all(asking());
  const std::string id = last_id(drained(before));
  publish();
  const std::vector<NewEvent> earlier{{1, "task.failed", "old", "system"}};
  ASSERT_TRUE(store.batch(log.statements(earlier)));
  auto response = streams.open_all(asking({{"follow", "false"}}, id));
  const std::string text = drained(response);
  EXPECT_NE(text.find("event: test.event"), std::string::npos);
  EXPECT_LT(text.find("\"old\""), text.find("event: test.event")) << text;
}

TEST_F(DurableEvents, go_on_after_a_restart_without_loss_or_repeat) {
  auto response = streams.open_all(asking());
  keep(3, "before");
  const std::string id = last_id(drained(response));
  keep(100, "between");
  feed->close();
  EXPECT_TRUE(response.stream().end) << "the control plane is gone";
  EXPECT_EQ(streams.open_all(asking()).status, 503);

  EventStreams again(4, {}, true);
  EXPECT_EQ(again.open_all(asking()).status, 503) << "it is starting";
  const auto other = std::make_shared<EventFeed>(store, Kinds{"*", "!task.succeeded"});
  again.attach(other);
  auto resumed = again.open_all(asking({}, id));
  keep(1, "after");
  const std::string text = drained(resumed, *other);
  EXPECT_EQ(text.find("before"), std::string::npos);
  EXPECT_EQ(all_of(text, "event: task.failed").size(), 101u);
  other->close();
}

TEST_F(DurableEvents, resume_from_each_id_that_was_given) {
  keep(200);
  auto response = streams.open_all(asking({{"since", "0"}, {"kind", "task.*"}}));
  const auto ids = all_of(drained(response), "id: ");
  ASSERT_GE(ids.size(), 200u);
  for (const std::size_t i : {0u, 63u, 64u, 150u, 199u}) {
    const auto cursor = parse_cursor(ids[i]);
    auto rest = streams.open_all(asking({{"kind", "task.*"}}, ids[i]));
    EXPECT_EQ(all_of(drained(rest), "event: task.failed").size(),
              static_cast<std::size_t>(200 - *cursor->sequence));
  }
}

TEST_F(DurableEvents, begin_with_what_happens_next_for_an_id_of_the_time_before_them) {
  keep(3);
  auto response = streams.open_all(asking({}, "3f9c01ab.17"));
  EXPECT_TRUE(all_of(drained(response), "event: task.failed").empty());
  keep(1);
  EXPECT_EQ(all_of(drained(response), "event: task.failed").size(), 1u);
}

TEST_F(DurableEvents, that_are_forgotten_are_a_gap) {
  keep(10);
  ASSERT_TRUE(store.batch(std::vector<ports::Statement>{
      {"DELETE FROM events WHERE sequence <= $1", {std::int64_t{4}}}}));
  auto response = streams.open_all(asking({}, "x.0.1"));
  const std::string text = drained(response);
  EXPECT_NE(text.find(R"("missed":3,"reason":"no longer kept")"), std::string::npos) << text;
  EXPECT_EQ(all_of(text, "event: task.failed").size(), 6u);
  ASSERT_TRUE(store.batch(std::vector<ports::Statement>{{"DELETE FROM events"}}));
  auto none = streams.open_all(asking({}, "x.0.8"));
  const std::string rest = drained(none);
  EXPECT_NE(rest.find(R"("missed":2,"reason":"no longer kept")"), std::string::npos) << rest;
  EXPECT_EQ(parse_cursor(last_id(rest))->sequence, 10);
}

TEST_F(DurableEvents, of_kinds_that_nobody_asked_for_move_the_id_all_the_same) {
  auto response = streams.open_all(asking({{"kind", "worker.*,plugin.active"}}));
  keep(70);
  const std::string text = drained(response);
  EXPECT_TRUE(all_of(text, "event: ").empty()) << text;
  EXPECT_EQ(parse_cursor(last_id(text))->sequence, 70);
  keep(1, "w1", "worker.paused");
  EXPECT_EQ(all_of(drained(response), "event: "), Words{"worker.paused"});
  for (const char* wrong : {"task failed", "*.failed", ",", "task.*,"})
    EXPECT_EQ(streams.open_all(asking({{"kind", wrong}})).status, 400) << wrong;
}

TEST_F(DurableEvents, that_never_come_from_here_are_refused_by_name) {
  EventStreams worker(4);
  const auto said = [](net::HttpResponse response) {
    return response.status == 200 ? std::string() : response.body;
  };
  const std::string task = said(worker.open_all(asking({{"kind", "plugin.*,task.*"}})));
  EXPECT_NE(task.find(R"(\"task.*\" never comes from here)"), std::string::npos) << task;
  EXPECT_NE(said(worker.open_all(asking({{"kind", "release.failed"}}))), "");
  EXPECT_EQ(said(worker.open_all(asking({{"kind", "worker.*,plugin.active"}}))), "");
  EXPECT_NE(said(streams.open_node(asking({{"kind", "worker.paused"}}))), "");
  EXPECT_EQ(said(streams.open_node(asking({{"kind", "release.*"}}))), "");
  EXPECT_EQ(said(streams.open_all(asking({{"kind", "task.*,!task.succeeded,release.*"}}))), "");
  const std::string unknown = said(streams.open_all(asking({{"kind", "task.faild"}})));
  EXPECT_NE(unknown.find("task.failed"), std::string::npos) << unknown;
}

TEST_F(DurableEvents, that_are_not_kept_are_refused_by_name_until_they_are) {
  const auto kept = [&](const char* kind) {
    return streams.open_all(asking({{"kind", kind}, {"follow", "false"}}));
  };
  EXPECT_EQ(kept("task.*").status, 200) << "others of them are";
  EXPECT_EQ(kept("plugin.active").status, 200) << "the node has these in memory";
  const auto refused = kept("task.failed,task.succeeded");
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find(R"(\"task.succeeded\" never comes: [control] events leaves it out)"),
            std::string::npos)
      << refused.body;
  const std::vector<NewEvent> done{{1, "task.succeeded", "t", "system"}};
  EXPECT_TRUE(log.statements(done).empty());
  feed->set_kept({"*"});
  EXPECT_EQ(kept("task.succeeded").status, 200);
  EXPECT_FALSE(log.statements(done).empty()) << "who reads and who writes go by one list";
}

TEST_F(DurableEvents, of_another_database_are_said_to_be) {
  keep(2);
  auto response = streams.open_all(asking({}, "x.0.99"));
  EXPECT_NE(drained(response).find("the database is an older one"), std::string::npos);
}

TEST_F(DurableEvents, do_not_hold_the_nodes_own_back_while_the_store_is_away) {
  keep(3);
  auto response = streams.open_all(asking({{"since", "0"}, {"follow", "false"}}));
  store.away = true;
  publish();
  std::string text;
  for (int i = 0; i < 100 && text.find("test.event") == std::string::npos; ++i) {
    const auto part = response.stream();
    text += part.bytes;
    ASSERT_FALSE(part.end) << "not all that is kept was sent";
    EXPECT_FALSE(feed->look());
  }
  EXPECT_NE(text.find("test.event"), std::string::npos);
  EXPECT_EQ(text.find("task.failed"), std::string::npos);
  store.away = false;
  EXPECT_EQ(all_of(drained(response), "event: task.failed").size(), 3u);
}

TEST_F(DurableEvents, are_not_in_the_stream_of_the_node) {
  auto node = streams.open_node(asking({{"since", "0"}}));
  EventStreams of_a_worker(4);
  auto all = of_a_worker.open_all(asking({}, "3f9c01ab.17.5"));
  keep(2);
  publish();
  for (auto* response : {&node, &all}) {
    const std::string text = drained(*response);
    EXPECT_TRUE(all_of(text, "event: task.failed").empty());
    EXPECT_FALSE(parse_cursor(last_id(text))->sequence);
  }
}

TEST_F(DurableEvents, wake_those_who_follow) {
  auto response = streams.open_all(asking());
  drained(response);
  const net::StreamPart part = response.stream();
  int woken = 0;
  part.wait.list->add("", part.wait.ticket, [&woken] { ++woken; });
  EXPECT_EQ(woken, 0);
  keep(1);
  ASSERT_TRUE(feed->look());
  EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace skep::app
