#include "core/base/log.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <regex>

#include "core/base/json.hpp"
#include "core/base/text.hpp"

namespace skep::log {
namespace {

class Log : public testing::Test {
 protected:
  ~Log() override { configure("text", "info"); }

  static std::string written(const std::function<void()>& act) {
    testing::internal::CaptureStderr();
    act();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(Log, text_line_has_time_level_event_and_fields) {
  const std::string line = written([] {
    info("worker_pool_starting", {{"concurrency", 4}, {"site", "site-a"}});
  });
  const std::regex form(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO  worker_pool_starting concurrency: 4, site: site-a\n)");
  EXPECT_TRUE(std::regex_match(line, form)) << line;
}

TEST_F(Log, text_writes_booleans_as_the_runbook_greps_them) {
  const std::string line = written([] { info("worker_pool_stopped", {{"graceful", true}}); });
  EXPECT_NE(line.find("worker_pool_stopped graceful: True"), std::string::npos) << line;
}

TEST_F(Log, json_line_is_one_object_with_typed_fields) {
  configure("json", "info");
  const std::string line = written([] {
    warn("worker_pool_stopped",
         {{"graceful", true}, {"tasks", 3}, {"took", 1.5}, {"why", "a\"b\n"}});
  });
  ASSERT_TRUE(line.ends_with("\n"));
  const auto parsed = parse_json(line);
  ASSERT_TRUE(parsed) << line;
  const auto& o = parsed->get_object();
  EXPECT_EQ(get_string(o, "event"), "worker_pool_stopped");
  EXPECT_EQ(get_string(o, "level"), "warn");
  EXPECT_TRUE(get_bool(o, "graceful"));
  EXPECT_EQ(get_int(o, "tasks"), 3);
  EXPECT_EQ(get_double(o, "took"), 1.5);
  EXPECT_EQ(get_string(o, "why"), "a\"b\n");
}

TEST_F(Log, hostile_text_stays_on_its_line) {
  const std::string line = written([] { info("e", {{"v", "a\nb\r\x1b[31m\x7f"}}); });
  EXPECT_EQ(split(line, '\n').size(), 2u);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_NE(line.find("v: a\\nb?"), std::string::npos) << line;
}

TEST_F(Log, hostile_text_obeys_no_terminal_in_eight_bits_either) {  // B10
  const std::string line = written([] {
    info("e", {{"v",
                "a\xc2\x9b"
                "31m\x9b größer"}});
  });
  EXPECT_NE(line.find("v: a?31m? größer\n"), std::string::npos) << line;
}

TEST_F(Log, json_obeys_no_terminal_in_eight_bits_either) {
  configure("json", "info");
  const std::string raw =
      "a\xc2\x9b"
      "31m größer";
  for (const std::string& line :
       {written([&] {
          info("e", {{"v", raw}});
        }),
        written([&] { write_json(Level::kInfo, "p", "e", "{\"v\":\"" + raw + "\"}"); })}) {
    EXPECT_NE(line.find("a\\u009b31m größer"), std::string::npos) << line;
    const auto parsed = parse_json(line);
    ASSERT_TRUE(parsed) << line;
    EXPECT_EQ(get_string(parsed->get_object(), "v"), raw);
  }
}

TEST_F(Log, leaves_out_what_is_below_its_level) {
  ASSERT_TRUE(configure("text", "warn"));
  EXPECT_EQ(written([] { info("quiet"); }), "");
  EXPECT_NE(written([] { error("loud"); }).find("ERROR loud"), std::string::npos);
}

TEST_F(Log, unknown_words_are_refused_and_change_nothing) {
  EXPECT_FALSE(configure("xml", "info"));
  EXPECT_FALSE(configure("text", "loud"));
  EXPECT_NE(written([] { info("still"); }).find("INFO  still"), std::string::npos);
}

TEST_F(Log, plugin_fields_come_through_in_both_formats) {
  EXPECT_NE(written([] {
              write_json(Level::kInfo, "docker", "pulled", R"({"image":"a","n":2})");
            }).find("pulled plugin: docker, image: a, n: 2"),
            std::string::npos);
  configure("json", "info");
  const auto parsed =
      parse_json(written([] { write_json(Level::kInfo, "docker", "pulled", R"({"n":2})"); }));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(get_int(parsed->get_object(), "n"), 2);
  EXPECT_EQ(get_string(parsed->get_object(), "plugin"), "docker");
}

TEST_F(Log, plugin_fields_that_are_no_json_are_kept_as_text) {
  EXPECT_NE(written([] { write_json(Level::kInfo, "p", "e", "{broken"); }).find("text: {broken"),
            std::string::npos);
}

}  // namespace
}  // namespace skep::log
