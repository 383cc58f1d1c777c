#include "core/config/diff.hpp"

#include <boost/json.hpp>

#include "core/config/keys.hpp"
#include "tests/unit/config/support.hpp"

namespace skep::config {
namespace {

using ConfigDiff = ConfigTest;

TEST_F(ConfigDiff, names_what_changed_and_hides_secrets) {
  const auto before = load_text("[worker]\nconcurrency = 4\n[queue]\npassword = \"a\"\n");
  const auto after =
      load_text("[worker]\nconcurrency = 8\n[queue]\npassword = \"b\"\n[plugins.x]\nlevel = 1\n");
  ASSERT_TRUE(before && after);
  const auto changes = diff(before->config, after->config);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].key, "worker.concurrency");
  EXPECT_EQ(changes[0].before + " " + changes[0].after, "4 8");
  EXPECT_TRUE(changes[0].live);
  EXPECT_EQ(changes[1].key, "queue.password");
  EXPECT_EQ(changes[1].before + changes[1].after, R"("***""***")");
  EXPECT_FALSE(changes[1].live);
  EXPECT_EQ(changes[2].key, "plugins.x.level");
  EXPECT_EQ(changes[2].before + " " + changes[2].after, "null 1");
  EXPECT_TRUE(changes[2].live);
  EXPECT_EQ(diff(after->config, before->config)[2].after, "null");
  EXPECT_TRUE(diff(after->config, after->config).empty());
}

TEST_F(ConfigDiff, writes_numbers_as_people_do) {
  const auto before = load_text("[control]\noffline_after_seconds = 90.0\n");
  const auto after = load_text("[control]\noffline_after_seconds = 120.5\n");
  ASSERT_TRUE(before && after);
  const auto changes = diff(before->config, after->config);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].before + " " + changes[0].after, "90 120.5");
}

TEST_F(ConfigDiff, takes_live_keys_and_no_other) {
  const auto before = load_text("");
  const auto after =
      load_text("[worker]\nconcurrency = 8\n[http]\nthreads = 9\n[plugins.x]\nlevel = 1\n");
  ASSERT_TRUE(before && after);
  const Config running = with_live(before->config, after->config);
  const auto left = diff(running, after->config);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].key, "http.threads");
}

TEST_F(ConfigDiff, says_which_edits_a_variable_covers) {
  const std::map<std::string, std::string> environment{{"WORKER_CONCURRENCY", "2"}};
  const auto before =
      load({.path = write("[worker]\nconcurrency = 4\n"), .environment = environment});
  const auto after =
      load({.path = write("[worker]\nconcurrency = 5\n"), .environment = environment});
  ASSERT_TRUE(before && after);
  EXPECT_TRUE(diff(before->config, after->config).empty());
  const auto covered = covered_changes(*before, *after);
  ASSERT_EQ(covered.size(), 1u);
  EXPECT_EQ(covered[0].key + covered[0].value + covered[0].by,
            "worker.concurrency5env WORKER_CONCURRENCY");
  EXPECT_TRUE(covered_changes(*after, *after).empty());
}

}  // namespace
}  // namespace skep::config
