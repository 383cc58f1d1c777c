// What the watch tries again, and when: files that come back, refusals that an operator lifts.
#include "core/plugin/adapters/task.hpp"
#include "core/plugin/stage.hpp"
#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

class ReloadRetryTest : public ReloadTest {
 protected:
  /// Waits until the answer comes from this build.
  void await_build(std::int64_t expected) {
    const SystemClock clock;
    const MonoMs deadline = clock.mono_ms() + 60'000;
    while (build() != expected && clock.mono_ms() < deadline) std::this_thread::yield();
    EXPECT_EQ(build(), expected);
  }
};

TEST_F(ReloadRetryTest, a_file_that_was_replaced_by_hand_may_come_back) {
  begin("answer_1");
  registry_->watch();
  install("answer_2");
  await_build(2);
  install("answer_1");
  ASSERT_TRUE(registry_->reload("answer"));
  install("answer_2");
  await_build(2);
}

/// A script would be such a task.
class Silent final : public TaskTarget {
 public:
  model::Outcome run(TaskCall& /*call*/, std::string_view /*request*/) override { return {}; }
};

TEST_F(ReloadRetryTest, a_type_that_a_script_had_comes_to_the_plugin) {
  begin();
  registry_->watch();
  const auto table = registry_->task_table();
  GenerationInfo first;
  first.number = 1;
  TaskComponent::Options script{"script:answer", {"answer", "", "", "{}", 0}, std::nullopt, 0};
  ASSERT_TRUE(
      table->put(std::make_shared<Generation>("script:answer", first),
                 {std::make_shared<TaskComponent>(std::make_unique<Silent>(), std::move(script))}));
  install("answer_1");
  await_event("plugin.active");
  EXPECT_EQ(table->owner_of("answer"), "script:answer");
  EXPECT_EQ(info().reason,
            "task type \"answer\" is not served: script:answer serves that name\n"
            "  next: rename one of the two, or turn one off");
  table->remove("script:answer");
  await_build(1);
  EXPECT_EQ(info().reason, "");
  EXPECT_EQ(table->owner_of("answer"), "answer");
  EXPECT_EQ(generations(), "1 active");
  install("answer_2");
  await_build(2);
}

TEST_F(ReloadRetryTest, what_does_not_start_at_first_says_so_and_was_never_active) {
  options_.probe = false;
  begin("answer_fails_start");
  const std::string failed = await_event("plugin.failed");
  EXPECT_NE(failed.find("no answer machine"), std::string::npos) << failed;
  EXPECT_NE(failed.find("\"step\":\"load\""), std::string::npos) << failed;
  EXPECT_EQ(generations(), "1 failed");
  install("answer_1");
  const auto before = seen_;
  ASSERT_TRUE(registry_->reload("answer"));
  int active = 0;
  for (const auto& event : events::since(before, 64, Millis(1000), {}))
    if (event.name == "plugin.active") ++active;
  EXPECT_EQ(active, 1) << "only the one that serves";
}

TEST_F(ReloadRetryTest, half_a_file_beside_what_serves_is_told_once) {
  begin("answer_1");
  registry_->watch();
  install_bytes(bytes_of(fixture("reload/answer_2.so")).substr(0, 4000), "answer.so");
  const std::string failed = await_event("plugin.failed");
  EXPECT_NE(failed.find("\"step\":\"verify\""), std::string::npos) << failed;
  EXPECT_EQ(build(), 1);
  const auto before = seen_;
  install_bytes("no plugin", "other.so");  // makes the watch look again
  while (registry_->list().size() < 2) std::this_thread::yield();
  install("answer_2");
  await_build(2);
  for (const auto& event : events::since(before, 64, Millis(1000), {}))
    EXPECT_NE(event.name, "plugin.failed") << event.fields;
}

/// A node with a second version that throws on its fifth task, and the staged file of the first.
class BackTest : public ReloadRetryTest {
 protected:
  void SetUp() override {
    begin("answer_1");
    registry_->watch();
    for (const auto& file : fs::recursive_directory_iterator(options_.staging_dir))
      if (file.path().filename().string().starts_with("answer.1.")) first_ = file.path();
    install("answer_throws_on_fifth");
    ASSERT_TRUE(registry_->reload("answer"));
    ASSERT_FALSE(first_.empty());
  }
  fs::path first_;
};

TEST_F(BackTest, the_way_back_is_tried_once) {
  fs::remove(first_);
  for (int i = 0; i < 5; ++i) run();
  await_event("plugin.failed");
  const auto before = seen_;
  for (int i = 0; i < 3; ++i) run();
  install("answer_2");
  await_build(2);
  for (const auto& event : events::since(before, 64, Millis(1000), {}))
    EXPECT_NE(event.name, "plugin.failed") << event.fields;
}

TEST_F(BackTest, other_bytes_than_those_that_served_do_not_come_back) {
  fs::remove(first_);
  write_bytes(first_.string(), bytes_of(fixture("reload/answer_2.so")));
  for (int i = 0; i < 5; ++i) run();
  await_event("plugin.failed", "was changed after it was checked");
  EXPECT_EQ(info().version, "9.3.0");
}

/// A node that takes what its lock file, or the signature beside a file, says.
class TrustTest : public ReloadRetryTest {
 protected:
  void SetUp() override {
    fs::create_directory(dir_.file("etc"));
    options_.lock_file = dir_.file("etc/plugins.lock");
    options_.admission = [this](const Candidate& c) -> Status {
      const std::string lock = read_file(options_.lock_file).value_or("");
      const std::string signature = read_file(c.source_path + ".minisig").value_or("");
      if (lock.find(c.sha256) != std::string::npos || signature == "good") return {};
      return Error{Code::kDenied, "nobody vouches for it", "untrusted", "skep plugin lock"};
    };
  }
  /// As `skep plugin lock` writes it.
  void pin() {
    write_bytes(dir_.file("etc/temp"), registry_->list().at(0).sha256 + newest_sha256());
    fs::rename(dir_.file("etc/temp"), options_.lock_file);
  }
  std::string newest_sha256() const { return info().failed_sha256; }
  std::string sha256_of(const std::string& build) {
    return inspect(fixture("reload/" + build + ".so")).value().sha256;
  }
};

TEST_F(TrustTest, a_pin_lets_the_plugin_in) {
  begin("answer_1");
  registry_->watch();
  EXPECT_EQ(info().state, PluginState::kRefused);
  pin();
  await_build(1);
  EXPECT_EQ(info().state, PluginState::kLoaded);
}

TEST_F(TrustTest, a_pin_lets_the_next_version_in) {
  install("answer_1");
  write_bytes(folder() + "/answer.so.minisig", "good");
  begin();
  fs::remove(folder() + "/answer.so.minisig");
  registry_->watch();
  install("answer_2");
  await_event("plugin.failed", "nobody vouches");
  EXPECT_EQ(build(), 1);
  pin();
  await_build(2);
}

TEST_F(TrustTest, a_version_that_is_not_trusted_any_more_does_not_come_back) {
  write_bytes(options_.lock_file, sha256_of("answer_1"));
  begin("answer_1");
  registry_->watch();
  write_bytes(options_.lock_file, sha256_of("answer_throws_on_fifth"));
  install("answer_throws_on_fifth");
  await_build(9);
  for (int i = 0; i < 5; ++i) run();
  await_event("plugin.failed", "nobody vouches for it");
  EXPECT_EQ(info().version, "9.3.0") << "what is trusted goes on";
  EXPECT_NE(info().reason.find("crashed in call"), std::string::npos) << info().reason;
  registry_.reset();
  begin();
  EXPECT_EQ(build(), 9) << "nothing replaced it, so it is not in quarantine";
}

TEST_F(TrustTest, a_version_comes_back_with_the_signature_that_it_came_with) {
  install("answer_1");
  write_bytes(folder() + "/answer.so.minisig", "good");
  begin();
  registry_->watch();
  write_bytes(options_.lock_file, sha256_of("answer_throws_on_fifth"));
  write_bytes(folder() + "/answer.so.minisig", "of the new file");
  install("answer_throws_on_fifth");
  await_build(9);
  for (int i = 0; i < 5; ++i) run();
  await_event("plugin.rolled_back");
  EXPECT_EQ(build(), 1);
}

TEST_F(TrustTest, a_signature_lets_the_plugin_in) {
  begin("answer_1");
  registry_->watch();
  write_bytes(folder() + "/answer.so.minisig", "bad");
  write_bytes(folder() + "/answer.so.minisig", "good");
  await_build(1);
}

}  // namespace
}  // namespace skep::plugin
