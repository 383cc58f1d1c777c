// What is seen of canaries, without a store, a queue or a clock.
#include "core/control/fleet/canary_watch.hpp"

#include <gtest/gtest.h>

namespace skep::control {
namespace {

const std::string kSha(64, 'a');

Release canary(std::int64_t id) {
  Release r;
  r.id = id;
  r.name = "probe";
  r.sha256 = kSha;
  r.types = {"probe"};
  r.sites = {"site-a"};
  r.canaries = {"w1", "w2"};
  r.state = ReleaseState::kCanary;
  return r;
}

api::ReleaseReport says(const std::string& state, const std::string& reason = "") {
  return {7, {{api::ReleaseKind::kScript, "probe", kSha, state, reason}}};
}

struct CanaryWatchTest : testing::Test {
  CanaryWatchTest() { watch.follow({canary(7)}); }
  void end(const std::string& worker, bool ok, MonoMs began, const std::string& type = "probe",
           const std::string& site = "site-a") {
    watch.count({type, site, worker, ok, began}, tallies);
  }
  std::optional<MonoMs> everywhere() { return watch.sight_of(7)->everywhere_since; }
  CanaryWatch watch;
  CanaryTallies tallies;
};

TEST_F(CanaryWatchTest, only_a_canary_that_runs_it_has_it) {
  watch.heard("w2", says("active"), 50);
  for (const char* state : {"pending", "fetched"}) {
    watch.heard("w1", says(state), 100);
    EXPECT_FALSE(everywhere()) << state;
  }
  watch.heard("w3", says("active"), 100);
  EXPECT_FALSE(everywhere()) << "w3 is no canary";
  watch.heard("w1", says("active"), 100);
  EXPECT_EQ(everywhere(), 100);
  for (const char* state : {"pending", "fetched", "failed"}) {
    watch.heard("w1", says("active"), 100);
    watch.heard("w1", says(state), 200);
    EXPECT_FALSE(everywhere()) << state;
  }
  watch.heard("w1", says("active"), 300);
  watch.heard("w2", says("active"), 400);
  EXPECT_EQ(everywhere(), 300) << "since the last of them has it";
  watch.heard("w1", {7, {}}, 400);
  EXPECT_FALSE(everywhere()) << "it says nothing of it any more";
}

TEST_F(CanaryWatchTest, a_canary_that_does_not_know_of_it_yet_speaks_of_older_ones) {
  watch.heard("w2", says("active"), 50);
  for (const char* state : {"active", "failed"}) {
    auto report = says(state);
    report.revision = 6;
    watch.heard("w1", report, 100);
    EXPECT_FALSE(everywhere()) << state;
    EXPECT_EQ(watch.sight_of(7)->failure, "") << state;
  }
}

TEST_F(CanaryWatchTest, tasks_count_from_when_the_canary_has_it) {
  watch.heard("w1", says("active"), 100);
  watch.heard("w1", says("active"), 200);
  end("w1", false, 99);
  end("w1", false, 100);
  end("w2", false, 500);
  end("w3", true, 1);
  end("w1", false, 500, "another");
  end("w1", false, 500, "probe", "site-b");
  ASSERT_EQ(tallies.size(), 1u);
  EXPECT_EQ(tallies[7].canary.failed, 1);
  EXPECT_EQ(tallies[7].others.ok, 1);
  EXPECT_EQ(tallies[7].others.finished(), 1);
  EXPECT_TRUE(watch.brings("probe"));
  EXPECT_FALSE(watch.brings("another"));
}

TEST_F(CanaryWatchTest, a_failure_is_told_once_and_again_after_it_was_gone) {
  EXPECT_EQ(watch.heard("w1", says("failed", "line 3"), 100).size(), 1u);
  EXPECT_EQ(watch.sight_of(7)->failure, "worker w1 could not use it: line 3");
  EXPECT_TRUE(watch.heard("w1", says("failed", "line 3"), 200).empty());
  EXPECT_EQ(watch.heard("w9", says("failed"), 200).size(), 1u);
  watch.heard("w1", {7, {}}, 300);
  EXPECT_EQ(watch.heard("w1", says("failed"), 400).size(), 1u);
  watch.heard("w1", says("active"), 500);
  EXPECT_EQ(watch.heard("w1", says("failed"), 600).size(), 1u);
  watch.forget("w1");
  EXPECT_EQ(watch.heard("w1", says("failed"), 700).size(), 1u);
}

TEST_F(CanaryWatchTest, what_is_known_stays_while_it_is_a_canary) {
  for (const char* worker : {"w1", "w2"}) watch.heard(worker, says("active"), 100);
  watch.follow({canary(7), canary(8)});
  EXPECT_EQ(everywhere(), 100);
  EXPECT_FALSE(watch.sight_of(8)->everywhere_since);
  Release promoted = canary(7);
  promoted.state = ReleaseState::kActive;
  watch.follow({promoted});
  EXPECT_FALSE(watch.sight_of(7));
  EXPECT_FALSE(watch.sight_of(8));
}

}  // namespace
}  // namespace skep::control
