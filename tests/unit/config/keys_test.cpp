#include "core/config/keys.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/config/layers.hpp"

namespace skep::config {
namespace {

TEST(Keys, have_one_path_and_no_shared_variable) {
  std::set<std::string> paths;
  std::set<std::string> variables;
  for (const Key& key : keys()) {
    EXPECT_TRUE(paths.insert(key.path()).second) << key.path();
    EXPECT_TRUE(variables.insert(key.environment()).second) << key.environment();
    for (const auto alias : key.aliases) EXPECT_TRUE(variables.insert(std::string(alias)).second);
  }
}

TEST(Keys, have_defaults_that_pass_their_own_check) {
  for (const Key& key : keys()) {
    auto value = get(Config{}, key);
    EXPECT_TRUE(check_value(key, value).empty()) << key.path();
  }
}

TEST(Keys, give_back_what_was_set) {
  for (const Key& key : keys()) {
    Config config;
    const auto value = get(config, key);
    set(config, key, value);
    EXPECT_EQ(get(config, key), value) << key.path();
  }
}

TEST(Keys, are_documented_and_numbers_have_a_range) {
  for (const Key& key : keys()) {
    EXPECT_TRUE(key.doc.ends_with('.')) << key.path();
    if (get(Config{}, key).is_number()) {
      EXPECT_LT(key.min, key.max) << key.path();
    }
    EXPECT_EQ(key.name.ends_with("_seconds"), key.unit == "seconds") << key.path();
  }
}

/// How many members an aggregate has: a binding of another number does not compile, so a new field
/// of Config leads here, and then to the table of keys.
std::size_t fields_of_config() {
  const Config config;
  [[maybe_unused]] const auto& [node, http, tasks, presence, events, worker, log, queue, store,
                                heartbeat, spool, plugins, scripts, secrets, trust] = config;
  [[maybe_unused]] const auto& [n1, n2, n3, n4, n5] = node;
  [[maybe_unused]] const auto& [h1, h2, h3, h4, h5, h6, h7, h8, h9] = http;
  [[maybe_unused]] const auto& [c1, c2, c3, c4, c5, c6, c7, c8, c9] = tasks;
  [[maybe_unused]] const auto& [d1, d2, d3] = presence;
  [[maybe_unused]] const auto& [e1, e2] = events;
  [[maybe_unused]] const auto& [w1, w2, w3, w4, w5, w6, w7, w8, w9, w10] = worker;
  [[maybe_unused]] const auto& [l1, l2] = log;
  [[maybe_unused]] const auto& [p1, p2, tables] = plugins;
  [[maybe_unused]] const auto& [t1, t2, t3] = trust;
  [[maybe_unused]] const auto& [s1, s2, s3] = scripts;
  constexpr std::size_t kComponents = 4;
  constexpr std::size_t kPlugins = 2;
  constexpr std::size_t kScripts = 2;
  return 5 + 9 + (9 + 3 + 2) + 10 + 2 + kComponents + kPlugins + kScripts + 3;
}

TEST(Keys, reach_every_field_of_the_configuration) {
  constexpr std::size_t kSpoolDir = 1;  // lies in the table of its component
  EXPECT_EQ(keys().size(), fields_of_config() + kSpoolDir);
}

TEST(Keys, make_variables_of_their_path) {
  EXPECT_EQ(find_key("worker", "poll_interval_seconds")->environment(),
            "SKEP_WORKER_POLL_INTERVAL_SECONDS");
  EXPECT_EQ(find_key("worker", "none"), nullptr);
}

}  // namespace
}  // namespace skep::config
