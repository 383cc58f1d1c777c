// Files that were taken out of service do not come back by themselves, whatever restarts.
#include "core/plugin/quarantine.hpp"
#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

std::string way_out(const std::string& id) { return id; }

class ReloadQuarantineTest : public ReloadTest {};

TEST_F(ReloadQuarantineTest, outlives_the_node) {
  roll_back();
  registry_.reset();
  fs::remove_all(dir_.file("last-good"));
  begin();
  EXPECT_TRUE(registry_->task_table()->types().empty());
  EXPECT_EQ(info().state, PluginState::kRefused);
  for (const char* part : {"9.3.0", "in quarantine since 2", "crashed in call 5", "--force"})
    EXPECT_NE(info().reason.find(part), std::string::npos) << info().reason;
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  EXPECT_EQ(build(), 2);
}

TEST_F(ReloadQuarantineTest, is_shown_of_a_file_that_comes_back) {
  roll_back();
  install("answer_1");
  restart();
  registry_->watch();
  install("answer_throws_on_fifth");
  await_event("plugin.failed", "in quarantine since");
  EXPECT_EQ(build(), 1);
  EXPECT_NE(info().reason.find("crashed in call 5"), std::string::npos) << info().reason;
}

TEST_F(ReloadQuarantineTest, ends_by_force_and_without_probation) {
  roll_back();
  ASSERT_FALSE(registry_->reload("answer"));
  const auto forced = registry_->reload("answer", true);
  ASSERT_TRUE(forced) << forced.error().message;
  EXPECT_EQ(build(), 9);
  for (int i = 0; i < 10; ++i) run();
  EXPECT_EQ(info().generations.at(0).state, GenerationState::kActive);
  EXPECT_EQ(info().version, "9.3.0");
  restart();
  EXPECT_EQ(build(), 9);
}

TEST_F(ReloadQuarantineTest, keeps_no_node_from_starting) {
  write_bytes(dir_.file("quarantine.json"), "{ half");
  fs::copy_file(SKEP_BUILD_DIR "/lib/skep/plugins/sqlite.so", folder() + "/sqlite.so");
  begin("answer_1");
  EXPECT_EQ(build(), 1);
  const std::string sha256 = info_of(*registry_, "sqlite.so").sha256;
  registry_.reset();
  Quarantine(dir_.file("quarantine.json"), way_out).add(sha256, {"sqlite", "", "crashed", 1});
  begin();
  const auto queue = registry_->queue("sqlite_queue", R"({"path":")" + dir_.file("q.db") + "\"}");
  EXPECT_TRUE(queue) << "there is no other queue: " << queue.error().message;
}

TEST_F(ReloadQuarantineTest, a_refusal_is_shown_until_the_file_is_another) {
  options_.probe = false;
  begin("answer_fails_start");
  EXPECT_EQ(info().state, PluginState::kRefused);
  ASSERT_TRUE(registry_->scan());
  EXPECT_EQ(info().state, PluginState::kRefused);
  EXPECT_NE(info().reason.find("no answer machine"), std::string::npos);
  install("answer_1");
  ASSERT_TRUE(registry_->scan());
  EXPECT_EQ(info().state, PluginState::kAvailable);
}

}  // namespace
}  // namespace skep::plugin
