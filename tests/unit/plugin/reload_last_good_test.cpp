// What serves after a restart when the file in the folder may not, or cannot.
#include "core/plugin/quarantine.hpp"
#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

class ReloadLastGoodTest : public ReloadTest {
 protected:
  void expect_stand_in(const std::string& refusal) {
    EXPECT_EQ(build(), 1);
    EXPECT_EQ(info().state, PluginState::kLoaded);
    EXPECT_EQ(info().version, "1.0.0");
    for (const std::string& part :
         {refusal, std::string("the last good version serves in its place: 1.0.0 (sha256 "),
          std::string("next: repair the file or remove it")})
      EXPECT_NE(info().reason.find(part), std::string::npos) << info().reason;
  }
  void install_sqlite(const std::string& bytes) { install_bytes(bytes, "sqlite.so"); }
  Result<std::unique_ptr<ports::Queue>> queue() {
    return registry_->queue("sqlite_queue", R"({"path":")" + dir_.file("q.db") + "\"}");
  }
};

TEST_F(ReloadLastGoodTest, serves_for_a_file_that_was_rolled_back_in_an_earlier_run) {
  roll_back();
  const std::string bad = info().failed_sha256;
  ASSERT_FALSE(bad.empty());
  for (int again = 0; again < 2; ++again) {
    restart();
    await_event("plugin.last_good", "in quarantine since");
    expect_stand_in("crashed in call 5");
    EXPECT_EQ(info().failed_sha256, bad);
  }
  registry_->watch();
  install("answer_2");
  await_event("plugin.active", "2.0.0");
  EXPECT_EQ(build(), 2);
  EXPECT_EQ(info().reason, "");
}

TEST_F(ReloadLastGoodTest, serves_for_a_file_that_does_not_start_or_is_no_plugin) {
  options_.probe = false;
  begin("answer_1");
  EXPECT_EQ(build(), 1);
  registry_.reset();
  install("answer_fails_start");
  begin();
  expect_stand_in("no answer machine");
  registry_.reset();
  install_bytes(bytes_of(fixture("reload/answer_2.so")).substr(0, 3000), "answer.so");
  begin();
  expect_stand_in("damaged or cut off");
  registry_.reset();
  install("answer_2");
  begin();
  EXPECT_EQ(build(), 2);
}

TEST_F(ReloadLastGoodTest, passes_the_gate_as_any_other_file) {
  begin("answer_1");
  registry_.reset();
  install_bytes("half", "answer.so");
  options_.admission = [](const Candidate& c) -> Status {
    if (c.version != "1.0.0") return {};
    return Error{Code::kDenied, "below min_version"};
  };
  begin();
  EXPECT_TRUE(registry_->task_table()->types().empty());
  await_event("plugin.failed", "below min_version");
}

TEST_F(ReloadLastGoodTest, goes_with_its_file) {
  begin("answer_1");
  registry_.reset();
  fs::remove(folder() + "/answer.so");
  begin();
  EXPECT_TRUE(registry_->task_table()->types().empty());
  ASSERT_EQ(registry_->missing().size(), 1u);
  EXPECT_NE(registry_->missing()[0].find("plugin answer does not serve: its file is gone: "),
            std::string::npos);
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  EXPECT_TRUE(registry_->missing().empty());
}

TEST_F(ReloadLastGoodTest, what_does_not_serve_and_should_is_named) {
  options_.probe = false;
  options_.tables["answer"] = "{}";
  options_.tables["later"] = R"({"enabled": false})";
  options_.arrivals = dir_.file("arrivals");
  begin();
  ASSERT_EQ(registry_->missing().size(), 1u);
  EXPECT_NE(registry_->missing()[0].find("plugin answer does not serve: it has a table"),
            std::string::npos);
  registry_.reset();
  begin("answer_fails_start");
  ASSERT_EQ(registry_->missing().size(), 1u);
  EXPECT_NE(registry_->missing()[0].find("no answer machine"), std::string::npos)
      << registry_->missing()[0];
  registry_.reset();
  begin("answer_1");
  EXPECT_TRUE(registry_->missing().empty());
  registry_.reset();
  fs::remove(folder() + "/answer.so");
  options_.tables["answer"] = R"({"enabled": false})";
  begin();
  EXPECT_TRUE(registry_->missing().empty()) << "it was turned off";
}

TEST_F(ReloadLastGoodTest, a_release_that_was_withdrawn_is_not_missed) {
  options_.arrivals = folder();
  begin("answer_1");
  registry_.reset();
  fs::remove(folder() + "/answer.so");
  begin();
  EXPECT_TRUE(registry_->missing().empty());
}

TEST_F(ReloadLastGoodTest, serves_as_the_queue_of_the_node) {
  const std::string good = bytes_of(SKEP_BUILD_DIR "/lib/skep/plugins/sqlite.so");
  install_sqlite(good);
  begin();
  ASSERT_TRUE(queue());
  registry_.reset();
  install_sqlite(good.substr(0, good.size() / 2));
  begin();
  EXPECT_TRUE(queue());
  EXPECT_NE(info_of(*registry_, "sqlite.so").reason.find("the last good version serves"),
            std::string::npos);
  registry_.reset();
  install_sqlite(bytes_of(fixture("reload/broken_queue.so")));
  begin();
  {
    const auto broken = queue();
    ASSERT_TRUE(broken);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE((*broken)->tick(0, 0));
  }
  registry_.reset();
  install_sqlite("half");
  begin();
  const auto stands_in = queue();
  ASSERT_TRUE(stands_in) << stands_in.error().message;
  EXPECT_TRUE((*stands_in)->tick(0, 0))
      << "what answers with faults of its own does not become good";
}

TEST_F(ReloadLastGoodTest, is_taken_before_a_queue_in_quarantine) {
  const std::string good = bytes_of(SKEP_BUILD_DIR "/lib/skep/plugins/sqlite.so");
  install_sqlite(good);
  begin();
  ASSERT_TRUE(queue());
  registry_.reset();
  install_sqlite(good + "tail");
  begin();
  const std::string second = info_of(*registry_, "sqlite.so").sha256;
  registry_.reset();
  const auto way_out = [](const std::string& id) { return id; };
  Quarantine(dir_.file("quarantine.json"), way_out).add(second, {"sqlite", "", "crashed", 1});
  begin();
  ASSERT_TRUE(queue());
  EXPECT_EQ(info_of(*registry_, "sqlite.so").failed_sha256, second);
}

}  // namespace
}  // namespace skep::plugin
