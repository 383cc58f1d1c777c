#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "support.hpp"

namespace skep::config {
namespace {

TEST(Environment, knows_every_name_of_the_runbooks) {
  const auto loaded =
      load_environment({{"WORKER_ID", "my-worker-01"},
                        {"WORKER_SITE", "my-site"},
                        {"WORKER_CONTROL_PLANE_URL", "http://backend:8000"},
                        {"WORKER_POLL_INTERVAL_SECONDS", "10"},
                        {"WORKER_HEARTBEAT_INTERVAL_SECONDS", "60"},
                        {"WORKER_OFFLINE_DIR", "/app/offline"},
                        {"WORKER_CAPABILITIES", R"({"docker": true, "gpu": false})"},
                        {"WORKER_CONCURRENCY", "8"},
                        {"WORKER_BATCH_SIZE", "16"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Config& c = loaded->config;
  EXPECT_EQ(c.node.id, "my-worker-01");
  EXPECT_EQ(c.node.site, "my-site");
  EXPECT_EQ(c.worker.control_plane_url, std::vector<std::string>{"http://backend:8000"});
  EXPECT_EQ(c.worker.poll_interval_seconds, 10);
  EXPECT_EQ(c.worker.heartbeat_interval_seconds, 60);
  EXPECT_EQ(c.spool.table, R"({"dir":"/app/offline"})");
  EXPECT_EQ(c.worker.capabilities, (std::map<std::string, bool>{{"docker", true}, {"gpu", false}}));
  EXPECT_EQ(c.worker.concurrency, 8);
  EXPECT_EQ(c.worker.batch_size, 16);
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Environment, reads_the_other_spellings_of_the_runbooks) {
  const auto loaded =
      load_environment({{"WORKER_SITE_NAME", "site-b"}, {"WORKER_POLL_INTERVAL", "2.0"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.node.site, "site-b");
  EXPECT_EQ(loaded->config.worker.poll_interval_seconds, 2.0);
  EXPECT_EQ(to_string(loaded->origins.at("node.site")), "env WORKER_SITE_NAME");
}

TEST(Environment, refuses_two_names_of_one_key_that_differ) {
  const auto loaded = load_environment({{"WORKER_SITE", "a"}, {"WORKER_SITE_NAME", "b"}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(
      loaded.error().message,
      "env WORKER_SITE_NAME: is \"b\" (a string) but WORKER_SITE is \"a\" (a string); both set "
      "node.site, keep one of them");
  EXPECT_FALSE(load_environment({{"SKEP_WORKER_CONCURRENCY", "4"}, {"WORKER_CONCURRENCY", "5"}}));
}

TEST(Environment, takes_two_names_that_agree) {
  const auto loaded =
      load_environment({{"WORKER_POLL_INTERVAL", "2.0"}, {"WORKER_POLL_INTERVAL_SECONDS", "2"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.worker.poll_interval_seconds, 2.0);
}

TEST(Environment, counts_an_empty_variable_as_not_set) {
  const auto loaded = load_environment(
      {{"WORKER_SITE", ""}, {"WORKER_SITE_NAME", "b"}, {"SKEP_FOO", ""}, {"SKEP_QUEUE_X", ""}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.node.site, "b");
  EXPECT_EQ(loaded->config.queue.table, "{}");
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Environment, reads_lists_with_commas_or_as_json) {
  for (const char* text : {"http://a:1, http://b:2", R"(["http://a:1","http://b:2"])"}) {
    const auto loaded = load_environment({{"SKEP_WORKER_CONTROL_PLANE_URL", text}});
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->config.worker.control_plane_url,
              (std::vector<std::string>{"http://a:1", "http://b:2"}));
  }
}

TEST(Environment, forgives_blanks_and_line_ends_around_a_value) {
  const auto loaded = load_environment({{"WORKER_CONCURRENCY", " 8\r\n"}, {"WORKER_SITE", "a "}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.worker.concurrency, 8);
  EXPECT_EQ(loaded->config.node.site, "a");
}

TEST(Environment, says_what_is_wrong_with_capabilities) {
  for (const char* text : {"docker", "{docker: true}", R"(["docker"])", "{"}) {
    const auto loaded = load_environment({{"WORKER_CAPABILITIES", text}});
    ASSERT_FALSE(loaded) << text;
    EXPECT_NE(loaded.error().message.find("env WORKER_CAPABILITIES: worker.capabilities is "),
              std::string::npos);
    EXPECT_NE(loaded.error().message.find(R"({"docker": true})"), std::string::npos);
  }
}

TEST(Environment, reaches_the_tables_of_the_slots) {
  const auto loaded = load_environment({{"SKEP_QUEUE_PLUGIN", "postgres"},
                                        {"SKEP_QUEUE_URL", "postgres://h/d"},
                                        {"SKEP_QUEUE_POOL_SIZE", "4"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.queue.plugin, "postgres");
  const auto table = parse_json(loaded->config.queue.table);
  EXPECT_EQ(*table, *parse_json(R"({"url":"postgres://h/d","pool_size":4})"));
  EXPECT_EQ(to_string(loaded->origins.at("queue.pool_size")), "env SKEP_QUEUE_POOL_SIZE");
}

TEST(Environment, warns_of_unknown_names_with_the_nearest) {
  const auto loaded = load_environment(
      {{"SKEP_WORKER_CONCURENCY", "4"}, {"WORKER_CONCURENCY", "4"}, {"SKEP_ZZZZZZZZZZZZ", "1"}});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 3u);
  EXPECT_EQ(loaded->warnings[0],
            "SKEP_WORKER_CONCURENCY is not a known variable; did you mean "
            "SKEP_WORKER_CONCURRENCY?");
  EXPECT_NE(loaded->warnings[1].find("skep config show --origin"), std::string::npos);
  EXPECT_EQ(loaded->warnings[2],
            "WORKER_CONCURENCY is not a known variable; did you mean WORKER_CONCURRENCY?");
}

TEST(Environment, is_silent_about_what_others_read) {
  const auto loaded = load_environment({{"SKEP_SERVER", "http://h"},
                                        {"SKEP_CONFIG", "/c"},
                                        {"SKEP_HINTS", "0"},
                                        {"SKEP_TOKEN_FILE", "/t"},
                                        {"WORKER_DELEGATION_ENABLED", "true"},
                                        {"WORKER_DEFAULT_ID", "w"},
                                        {"WORKER_PROCESSES_OF_SOMETHING_ELSE", "4"},
                                        {"DATABASE_URL", "postgres://h/d"},
                                        {"PGHOST", "h"},
                                        {"PATH", "/bin"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Environment, is_silent_about_what_the_dev_script_reads) {
  const auto script = read_file(SKEP_SOURCE_DIR "/dev");
  ASSERT_TRUE(script);
  const std::string begin = "${SKEP_";
  std::map<std::string, std::string> found;
  for (std::size_t at = 0; (at = script->find(begin, at)) != std::string::npos; ++at)
    if (const std::size_t end = script->find(":-", at); end < script->find('}', at))
      found[script->substr(at + 2, end - at - 2)] = "1";
  EXPECT_TRUE(found.contains("SKEP_NO_INSTALL"));
  for (const auto& [name, value] : found) EXPECT_TRUE(is_of_dev(name)) << name;
  const auto loaded = load_environment(found);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Environment, refuses_bytes_that_are_no_text) {
  for (const char* name : {"WORKER_OFFLINE_DIR", "SKEP_QUEUE_URL", "WORKER_CAPABILITIES",
                           "SKEP_PLUGINS_PATHS", "WORKER_ID"})
    EXPECT_FALSE(load_environment({{name, "\xff\xfe"}})) << name;
}

}  // namespace
}  // namespace skep::config
