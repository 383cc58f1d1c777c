#include <gtest/gtest.h>

#include "core/cli/base/sse_reader.hpp"
#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

TEST(SseReader, takes_events_in_any_portions) {
  const std::string text =
      ": hello\nretry: 2000\n\nid: r.1\nevent: a\ndata: {\"x\":1}\n\n: still here\n\n"
      "id: r.2\r\nevent: b\r\ndata: one\r\ndata: two\r\n\r\nid: r.3\nevent: nothing\n\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    SseReader reader;
    std::string seen;
    for (std::size_t at = 0; at < text.size(); at += step)
      reader.feed(std::string_view(text).substr(at, step), [&](const SseEvent& e) {
        seen += e.id + " " + e.name + " " + e.data + ";";
        return true;
      });
    EXPECT_EQ(seen, "r.1 a {\"x\":1};r.2 b one\ntwo;") << "in portions of " << step;
    EXPECT_EQ(reader.last_id(), "r.3") << "an id counts without data too";
  }
}

TEST(SseReader, takes_an_id_without_an_event_and_drops_half_an_event_at_a_restart) {
  SseReader reader;
  std::vector<std::string> seen;
  const auto keep = [&](const SseEvent& event) {
    seen.push_back(event.id + " " + event.data);
    return true;
  };
  reader.feed(": hello\n\nid: a.7\n\n", keep);
  EXPECT_EQ(reader.last_id(), "a.7");
  reader.feed("id: a.8\nevent: x\ndata: {\"ha", keep);
  reader.restart();
  reader.feed(": hello\n\nid: a.8\nevent: x\ndata: {}\n\n", keep);
  EXPECT_EQ(seen, std::vector<std::string>{"a.8 {}"});
}

TEST(SseReader, stops_when_told_and_skips_what_is_too_long) {
  SseReader reader;
  int seen = 0;
  EXPECT_FALSE(reader.feed("data: 1\n\ndata: 2\n\n", [&](const SseEvent&) { return ++seen < 1; }));
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(reader.feed("data: " + std::string(3u << 20, 'x') + "\n\ndata: y\n\n",
                          [&](const SseEvent& e) { return e.data == "y"; }));
}

}  // namespace
}  // namespace skep::cli
