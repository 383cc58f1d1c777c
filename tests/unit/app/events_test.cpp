#include <gtest/gtest.h>

#include "core/app/event_streams.hpp"

namespace skep::app {
namespace {

net::HttpRequest asking(std::map<std::string, std::string> query = {}, std::string last_id = {}) {
  net::HttpRequest request;
  request.query = std::move(query);
  if (!last_id.empty()) request.headers["last-event-id"] = std::move(last_id);
  return request;
}

/// All that a stream gives until it waits or ends.
std::string drained(net::HttpResponse& response) {
  std::string out;
  for (;;) {
    const net::StreamPart part = response.stream();
    out += part.bytes;
    if (part.end || part.wait.until > 0) return out;
  }
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

void publish(int n) {
  for (int i = 0; i < n; ++i) events::publish(log::Level::kDebug, "test.event", {{"n", i}});
}

TEST(Sse, frames_an_event) {
  const events::Event active{7, 0, "plugin.active", R"({"id":"x"})"};
  EXPECT_EQ(sse_event({"ab12", 7}, active)
                .find("id: ab12.7\nevent: plugin.active\ndata: {\"id\":\"ab12.7\","),
            0u);
  const events::Event two_lines{1, 0, "e", "{\"a\":\"x\\ny\"}"};
  EXPECT_TRUE(sse_event({"r", 1}, two_lines).ends_with("}\n\n"));
  EXPECT_EQ(sse_gap({"r", 9}, 7, "no longer kept"),
            "id: r.9\nevent: gap\ndata: {\"id\":\"r.9\",\"event\":\"gap\",\"fields\":{\"missed\":7,"
            "\"reason\":\"no longer kept\"}}\n\n");
}

TEST(Sse, reads_its_own_ids_and_bare_numbers) {
  EXPECT_EQ(parse_cursor("ab12.7")->run, "ab12");
  EXPECT_EQ(parse_cursor("ab12.7")->number, 7u);
  EXPECT_EQ(parse_cursor("7")->run, "");
  EXPECT_FALSE(parse_cursor("ab12.7")->sequence);
  EXPECT_EQ(*parse_cursor("ab12.7.5021"), (EventCursor{"ab12", 7, 5021}));
  for (const auto* wrong :
       {"", ".", "x", "ab.", ".7", "ab.-1", "ab.7x", ".7.1", "ab.7.", "ab.7.-1", "ab.7.1.2"})
    EXPECT_FALSE(parse_cursor(wrong)) << wrong;
}

TEST(EventStreams, begins_with_what_happens_next) {
  EventStreams streams(4);
  publish(3);
  auto response = streams.open_node(asking());
  EXPECT_EQ(count(drained(response), "test.event\n"), 0u);
  publish(2);
  EXPECT_EQ(count(drained(response), "event: test.event\n"), 2u);
  EXPECT_TRUE(drained(response).starts_with(":")) << "only a comment when nothing happened";
}

TEST(EventStreams, says_where_it_begins_so_that_nothing_is_missed_in_between) {
  EventStreams streams(4);
  publish(2);
  auto first = streams.open_node(asking());
  const std::string hello = drained(first);
  const std::size_t at = hello.find("\nid: ") + 5;
  const std::string id = hello.substr(at, hello.find('\n', at) - at);
  publish(3);
  auto again = streams.open_node(asking({}, id));
  EXPECT_EQ(count(drained(again), "event: test.event\n"), 3u);
}

TEST(EventStreams, resumes_after_the_last_id) {
  EventStreams streams(4);
  publish(1);
  auto first = streams.open_node(asking({{"since", std::to_string(events::newest() - 1)}}));
  const std::string text = drained(first);
  const std::size_t at = text.find("id: ") + 4;
  const std::string id = text.substr(at, text.find('\n', at) - at);
  publish(200);
  auto again = streams.open_node(asking({}, id));
  const std::string rest = drained(again);
  EXPECT_EQ(count(rest, "event: test.event\n"), 200u);
  EXPECT_EQ(count(rest, "event: gap\n"), 0u);
}

TEST(EventStreams, says_what_is_missing) {
  EventStreams streams(4);
  publish(1100);
  auto dropped = streams.open_node(asking({{"since", "0"}, {"follow", "false"}}));
  const std::string text = drained(dropped);
  EXPECT_EQ(count(text, "event: gap\n"), 1u);
  EXPECT_EQ(count(text, "event: test.event\n"), 1024u);
  auto restarted = streams.open_node(asking({{"follow", "false"}}, "another.3"));
  EXPECT_NE(drained(restarted).find("started again"), std::string::npos);
}

TEST(EventStreams, refuses_too_many_and_what_it_does_not_understand) {
  EventStreams streams(2);
  auto one = streams.open_node(asking());
  {
    auto two = streams.open_node(asking());
    EXPECT_EQ(streams.open_node(asking()).status, 503);
  }
  EXPECT_EQ(streams.open_node(asking()).status, 200) << "one has left";
  EXPECT_EQ(streams.open_node(asking({{"since", "x.y"}})).status, 400);
  EXPECT_EQ(streams.open_node(asking({{"follow", "maybe"}})).status, 400);
}

}  // namespace
}  // namespace skep::app
