#include "core/config/show.hpp"

#include "core/base/json.hpp"
#include "support.hpp"

namespace skep::config {
namespace {

constexpr const char* kFull = R"([node]
id = "w1"
[worker]
capabilities = { docker = true, "net.work" = false }
[queue]
plugin = "x"
list = [1, 2.0, "a\u007f\"\\\n"]
[queue.deep]
"odd key" = { a = 1979-05-27 }
[plugins."com.acme.disk"]
level = 3
)";

TEST_F(ConfigTest, show_prints_a_file_that_loads_to_the_same) {
  const auto first = load_text(kFull);
  ASSERT_TRUE(first) << first.error().message;
  for (const bool origins : {false, true}) {
    const auto second = load_text(show(*first, origins));
    ASSERT_TRUE(second) << second.error().message << "\n" << show(*first, origins);
    EXPECT_EQ(show(*second, false), show(*first, false));
    EXPECT_EQ(second->config.queue.table, first->config.queue.table);
  }
}

TEST_F(ConfigTest, show_says_where_each_value_comes_from) {
  const std::string path = write("[worker]\n  concurrency = 6\n");
  const auto loaded = load({.path = path, .environment = {{"WORKER_ID", "w9"}}});
  ASSERT_TRUE(loaded);
  const std::string text = show(*loaded, true);
  EXPECT_NE(text.find("\nconcurrency = 6  # " + path + ":2:3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nid = \"w9\"  # env WORKER_ID\n"), std::string::npos);
  EXPECT_NE(text.find("\nbatch_size = 8  # default\n"), std::string::npos);
  EXPECT_EQ(show(*loaded, false).find('#'), std::string::npos);
}

TEST_F(ConfigTest, show_hides_what_looks_like_a_secret) {
  const auto loaded = load_text(
      "[queue]\nurl = \"postgres://skep:hunter2@db:5432/skep\"\npassword = \"hunter2\"\n"
      "password_file = \"/run/pw\"\n[plugins.x]\napi_token = \"hunter2\"\n"
      "deep = { list = [{ secret = \"hunter2\" }] }\nhome = \"http://plain:80/\"\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (const std::string& text : {show(*loaded, true), show_json(*loaded)}) {
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    EXPECT_NE(text.find("postgres://skep:***@db:5432/skep"), std::string::npos);
    EXPECT_NE(text.find("/run/pw"), std::string::npos);
    EXPECT_NE(text.find("http://plain:80/"), std::string::npos);
  }
}

TEST_F(ConfigTest, show_json_has_values_origins_and_warnings) {
  const auto loaded = load({.path = write(kFull), .environment = {{"SKEP_NOTHING", "1"}}});
  ASSERT_TRUE(loaded);
  const auto parsed = parse_json(show_json(*loaded));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at("config").at("worker").at("concurrency"), 4);
  EXPECT_EQ(parsed->at("config").at("plugins").at("com.acme.disk").at("level"), 3);
  EXPECT_EQ(parsed->at("config").at("queue").at("plugin"), "x");
  EXPECT_EQ(parsed->at("origins").at("node.id").at("kind"), "file");
  EXPECT_EQ(parsed->at("origins").at("node.id").at("line"), 2);
  EXPECT_EQ(parsed->at("origins").at("worker.concurrency").at("kind"), "default");
  EXPECT_EQ(parsed->at("origins").at("plugins.com.acme.disk.level").at("line"), 11);
  EXPECT_EQ(parsed->at("warnings").get_array().size(), 1u);
}

TEST(Reference, names_every_alias_and_section) {
  const std::string text = reference_markdown();
  for (const char* word : {"WORKER_OFFLINE_DIR", "WORKER_CAPABILITIES", "SKEP_QUEUE_PLUGIN",
                           "## [scripts]", "SKEP_HTTP_LISTEN", "`SKEP_QUEUE_NAME`"})
    EXPECT_NE(text.find(word), std::string::npos) << word;
}

}  // namespace
}  // namespace skep::config
