// New [plugins.ID] tables: checked together, then taken plugin by plugin.
#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

constexpr auto kHello = R"({"greeting":"hello"})";

TEST_F(ReloadTest, tables_make_a_generation_too) {
  begin("answer_1");
  const auto wrong = registry_->configure({{"answer", R"({"greting":"x"})"}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(generations(), "1 active");
  const auto changed = registry_->configure({{"answer", R"({"greeting":"hello"})"}});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->changed, std::vector<std::string>{"answer"});
  EXPECT_NE(run().result.find("hello"), std::string::npos);
  EXPECT_TRUE(registry_->configure({{"answer", R"({"greeting":"hello"})"}})->changed.empty());
  ASSERT_TRUE(registry_->configure({{"answer", R"({"enabled":false})"}}));
  EXPECT_TRUE(registry_->task_table()->types().empty());
  EXPECT_EQ(info().state, PluginState::kDisabled);
  ASSERT_TRUE(registry_->configure({}));
  EXPECT_NE(run().result.find("hi"), std::string::npos);
}

TEST_F(ReloadTest, the_same_file_runs_in_a_child_when_the_table_says_so) {
  begin("answer_1");
  const auto done = registry_->configure({{"answer", R"({"isolation":"process"})"}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(build(), 1);
  EXPECT_EQ(info().generations.at(0).isolation, "process");
}

TEST_F(ReloadTest, a_file_in_quarantine_keeps_no_settings_back) {
  roll_back();
  const auto changed =
      registry_->configure({{"answer", R"({"greeting":"hello","isolation":"per-task"})"}});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_NE(run().result.find("hello"), std::string::npos);
  EXPECT_EQ(build(), 1);
  EXPECT_EQ(info().generations.at(0).isolation, "per-task");
}

TEST_F(ReloadTest, half_a_file_keeps_no_settings_back) {
  begin("answer_1");
  write_bytes(folder() + "/answer.so", bytes_of(fixture("reload/answer_1.so")).substr(0, 4000));
  const auto wrong = registry_->configure({{"answer", R"({"greting":"x"})"}});
  ASSERT_FALSE(wrong) << "what serves says which keys there are";
  const auto changed = registry_->configure({{"answer", kHello}});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->changed, std::vector<std::string>{"answer"});
  EXPECT_NE(run().result.find("hello"), std::string::npos);
  EXPECT_NE(info().reason, "") << "the file is still in trouble";
}

TEST_F(ReloadTest, a_file_that_is_gone_keeps_no_settings_back) {
  begin("answer_1");
  fs::remove(folder() + "/answer.so");
  const auto changed = registry_->configure({{"answer", kHello}});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_NE(run().result.find("hello"), std::string::npos);
  ASSERT_TRUE(registry_->configure({{"answer", R"({"enabled":false})"}}));
  EXPECT_TRUE(registry_->task_table()->types().empty());
}

TEST_F(ReloadTest, a_file_that_does_not_start_keeps_no_settings_back) {
  options_.probe = false;
  begin("answer_1");
  install("answer_fails_start");
  const auto changed = registry_->configure({{"answer", kHello}});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->changed, std::vector<std::string>{"answer"});
  EXPECT_NE(run().result.find("hello"), std::string::npos);
  EXPECT_NE(info().reason.find("there is no answer machine"), std::string::npos) << info().reason;
  EXPECT_NE(info().failed_sha256, "");
}

TEST_F(ReloadTest, what_was_refused_for_its_table_serves_with_another) {
  options_.arrivals = folder();
  options_.tables = {{"answer", R"({"greting":"x"})"}};
  begin("answer_1");
  EXPECT_EQ(info().state, PluginState::kRefused);
  const auto done = registry_->configure({{"answer", kHello}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->changed, std::vector<std::string>{"answer"});
  EXPECT_NE(run().result.find("hello"), std::string::npos);
}

TEST_F(ReloadTest, a_table_of_a_plugin_that_nobody_uses_loads_nothing) {
  install_file(SKEP_BUILD_DIR "/lib/skep/plugins/sqlite.so");
  begin("answer_1");
  ASSERT_TRUE(registry_->configure({{"sqlite", R"({"path":"/nowhere/q.db"})"}}));
  EXPECT_TRUE(info_of(*registry_, "sqlite.so").generations.empty());
}

TEST_F(ReloadTest, what_serves_takes_settings_beside_a_file_that_nobody_vouches_for) {
  std::atomic<bool> trusted{true};
  options_.admission = [&](const Candidate&) -> Status {
    return trusted ? Status() : Status(Error{Code::kDenied, "nobody vouches for it", "untrusted"});
  };
  begin("answer_1");
  trusted = false;
  write_bytes(folder() + "/answer.so", bytes_of(fixture("reload/answer_1.so")).substr(0, 4000));
  const auto done = registry_->configure({{"answer", kHello}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->changed, std::vector<std::string>{"answer"});
  EXPECT_NE(run().result.find("hello"), std::string::npos);
}

TEST_F(ReloadTest, half_a_file_before_the_good_one_takes_no_table_from_it) {
  options_.paths.insert(options_.paths.begin(), dir_.file("first"));
  fs::create_directories(dir_.file("first"));
  write_bytes(dir_.file("first/answer.so"), "half");
  options_.tables = {{"answer", kHello}};
  begin("answer_1");
  EXPECT_NE(run().result.find("hello"), std::string::npos);
}

TEST_F(ReloadTest, what_scripts_run_on_counts_at_the_next_start) {
  const std::string lua = SKEP_BUILD_DIR "/lib/skep/plugins/lua.so";
  install_file(lua);
  begin("answer_1");
  registry_->note_opened("lua", Status());
  EXPECT_EQ(info_of(*registry_, "lua.so").state, PluginState::kLoaded);
  const auto done =
      registry_->configure({{"answer", kHello}, {"lua", R"({"isolation":"inproc"})"}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->changed, std::vector<std::string>{"answer"});
  ASSERT_EQ(done->failed.size(), 1u);
  EXPECT_EQ(done->failed[0].error.id(), "needs-restart");
  EXPECT_TRUE(registry_->configure({{"answer", kHello}})->failed.empty()) << "it is as it was";
  const auto reloaded = registry_->reload("lua");
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().message.find("lua runs the scripts of this node"), std::string::npos);
  EXPECT_EQ(info_of(*registry_, "lua.so").reason, "");
  install_file(lua, "another");
  ASSERT_TRUE(registry_->scan());
  EXPECT_NE(info_of(*registry_, "lua.so").reason.find("at the next start"), std::string::npos);
}

TEST_F(ReloadTest, what_scripts_cannot_run_on_is_listed_as_refused) {
  install_file(SKEP_BUILD_DIR "/lib/skep/plugins/lua.so");
  begin("answer_1");
  registry_->note_opened("lua", invalid("other bytes than those pinned"));
  ASSERT_TRUE(registry_->scan());
  EXPECT_EQ(info_of(*registry_, "lua.so").state, PluginState::kRefused);
  EXPECT_EQ(info_of(*registry_, "lua.so").reason, "other bytes than those pinned");
}

/// A queue whose table may name a folder that is not there, beside the task type.
class TablesOfTwoTest : public ReloadTest {
 protected:
  void SetUp() override {
    fs::copy_file(SKEP_BUILD_DIR "/lib/skep/plugins/sqlite.so", folder() + "/sqlite.so");
    options_.tables = {{"sqlite", table_of("q.db")}};
    begin("answer_1");
    auto queue = registry_->queue("sqlite_queue", "{}");
    ASSERT_TRUE(queue) << queue.error().message;
    queue_ = std::move(*queue);
  }
  void TearDown() override { queue_.reset(); }
  std::string table_of(const std::string& file) { return R"({"path":")" + dir_.file(file) + "\"}"; }

  std::unique_ptr<ports::Queue> queue_;
};

TEST_F(TablesOfTwoTest, each_plugin_says_what_came_of_its_own) {
  const std::map<std::string, std::string> tables{{"answer", kHello},
                                                  {"sqlite", table_of("later/q.db")}};
  const auto first = registry_->configure(tables);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->changed, std::vector<std::string>{"answer"});
  ASSERT_EQ(first->failed.size(), 1u);
  EXPECT_EQ(first->failed[0].id, "sqlite");
  EXPECT_NE(first->failed[0].error.message.find("step start"), std::string::npos);
  EXPECT_NE(run().result.find("hello"), std::string::npos);
  fs::create_directory(dir_.file("later"));
  const auto again = registry_->configure(tables);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->changed, std::vector<std::string>{"sqlite"}) << "it is tried again, alone";
  EXPECT_TRUE(fs::exists(dir_.file("later/q.db")));
  EXPECT_TRUE(registry_->configure(tables)->changed.empty());
}

TEST_F(TablesOfTwoTest, a_plugin_that_cannot_begin_is_among_those_that_failed) {
  auto tables = options_.tables;
  tables["answer"] = R"({"enabled":false})";
  ASSERT_TRUE(registry_->configure(tables));
  install("answer_fails_start");
  tables["answer"] = kHello;
  const auto done = registry_->configure(tables);
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_EQ(done->failed.size(), 1u);
  EXPECT_EQ(done->failed[0].id, "answer");
  EXPECT_NE(done->failed[0].error.message.find("no answer machine"), std::string::npos);
}

}  // namespace
}  // namespace skep::plugin
