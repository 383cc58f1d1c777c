// How a generation that was replaced ends: in peace, cancelled, killed, or not at all.
#include <future>

#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

using ReloadDrainTest = ReloadTest;

TEST_F(ReloadDrainTest, calls_that_outstay_the_soft_limit_are_cancelled) {
  options_.drain = {Millis(20), Millis(60'000)};
  begin("answer_1");
  auto inside = std::async(std::launch::async, [&] { return run("wait"); });
  while (info().generations.at(0).inside == 0) std::this_thread::yield();
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  const auto stopped = inside.get();
  EXPECT_TRUE(stopped.retryable);
  EXPECT_NE(stopped.error.find("its plugin is being replaced: reason 3"), std::string::npos)
      << stopped.error;
  registry_->wait_drained();
  EXPECT_EQ(generations(), "2 active, 1 retired");
}

TEST_F(ReloadDrainTest, the_soft_limit_of_what_drains_can_be_changed) {
  begin("answer_1");
  auto inside = std::async(std::launch::async, [&] { return run("wait"); });
  while (info().generations.at(0).inside == 0) std::this_thread::yield();
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  EXPECT_EQ(generations(), "2 active, 1 draining");
  registry_->set_drain({Millis(0), Millis(60'000)});
  EXPECT_TRUE(inside.get().retryable);
  registry_->wait_drained();
  EXPECT_EQ(generations(), "2 active, 1 retired");
}

TEST_F(ReloadDrainTest, a_deaf_call_makes_a_zombie_and_harms_nobody) {
  options_.drain = {Millis(10), Millis(30)};
  begin("answer_1");
  auto deaf = std::async(std::launch::async, [&] { return run("deaf"); });
  while (info().generations.at(0).inside == 0) std::this_thread::yield();
  install("answer_2");
  ASSERT_TRUE(registry_->reload("answer"));
  await_event("plugin.zombie");
  EXPECT_EQ(generations(), "2 active, 1 zombie");
  EXPECT_EQ(build(), 2);
  ::setenv("SKEP_TEST_LET_GO", "1", 1);
  EXPECT_EQ(number_in(deaf.get(), "build"), 1);
  ::unsetenv("SKEP_TEST_LET_GO");
}

TEST_F(ReloadDrainTest, a_child_that_outstays_its_grace_is_killed_and_no_zombie) {
  options_.drain = {Millis(0), Millis(1)};
  options_.tables = {{"unruly", R"({"isolation":"process","limits":{"cancel_grace_ms":200}})"}};
  install_file(fixture("unruly/unruly.so"));
  begin();
  const auto spinning = std::async(std::launch::async, [&] {
    ports::RunRequest request;
    request.task.type = "unruly";
    request.task.params = R"({"how":"spin"})";
    ports::CancelToken cancel;
    return registry_->task_table()->run(request, 0, cancel, {});
  });
  const auto unruly = [&] { return info_of(*registry_, "unruly.so").generations; };
  while (unruly().at(0).inside == 0) std::this_thread::yield();
  install_file(fixture("unruly/unruly.so"), "x");
  ASSERT_TRUE(registry_->reload("unruly"));
  registry_->wait_drained();
  EXPECT_EQ(unruly().at(1).state, GenerationState::kRetired);
}

}  // namespace
}  // namespace skep::plugin
