#include <gtest/gtest.h>
#include <signal.h>

#include "core/proc/ending.hpp"
#include "core/proc/subprocess.hpp"
#include "tests/support/resource_limits.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep::proc {
namespace {

TEST(Background, appends_both_streams_to_its_file_and_reports_the_exit) {
  const TempDir dir;
  std::ofstream(dir.file("log")) << "before\n";
  auto child = Background::spawn(shell("echo out; echo err >&2; exit 4"), dir.file("log"));
  ASSERT_TRUE(child) << child.error().message;
  const auto e = child->poll(kPatience);
  ASSERT_TRUE(e);
  EXPECT_EQ(e->exit_code, 4);
  EXPECT_EQ(contents(dir.file("log")), "before\nout\nerr\n");
  EXPECT_EQ(child->poll()->exit_code, 4);
}

TEST(Background, says_nothing_while_it_runs_and_ends_politely) {
  auto child = Background::spawn(shell("exec sleep 600"), "/dev/null");
  ASSERT_TRUE(child);
  EXPECT_FALSE(child->poll(Millis(20)));
  const Exit e = child->stop(kPatience);
  EXPECT_EQ(e.signal, SIGTERM);
  EXPECT_LT(e.duration, kPatience);
  EXPECT_EQ(child->stop(Millis(0)).signal, SIGTERM);
}

TEST(Background, kills_the_group_of_a_child_that_does_not_listen) {
  const TempDir dir;
  const std::string seconds = unique_seconds();
  auto child = Background::spawn(
      shell("trap '' TERM; sleep \"$1\" & echo ready; wait; wait", {seconds}), dir.file("log"));
  ASSERT_TRUE(child);
  ASSERT_TRUE(eventually([&] { return contents(dir.file("log")) == "ready\n"; }));
  EXPECT_EQ(child->stop(Millis(100)).signal, SIGKILL);
  EXPECT_TRUE(eventually([&] { return count_processes(seconds) == 0; }));
}

TEST(Background, signals_the_child_alone) {
  const TempDir dir;
  auto child = Background::spawn(
      shell("trap 'echo usr1; exit 0' USR1; echo ready; while :; do sleep 0.02; done"),
      dir.file("log"));
  ASSERT_TRUE(child);
  ASSERT_TRUE(eventually([&] { return contents(dir.file("log")) == "ready\n"; }));
  child->signal(SIGUSR1);
  ASSERT_TRUE(child->poll(kPatience));
  EXPECT_EQ(contents(dir.file("log")), "ready\nusr1\n");
}

TEST(Background, names_what_it_cannot_start_or_open) {
  Spec none;
  none.argv = {"/no/such/program"};
  EXPECT_EQ(Background::spawn(none, "/dev/null").error().code, Code::kNotFound);
  const auto denied = Background::spawn(shell("true"), "/no/such/folder/log");
  ASSERT_FALSE(denied);
  EXPECT_NE(denied.error().message.find("/no/such/folder/log"), std::string::npos);
}

TEST(Background, is_killed_when_its_owner_goes_and_can_be_moved) {
  const std::string seconds = unique_seconds();
  {
    auto first = Background::spawn(shell("exec sleep \"$1\"", {seconds}), "/dev/null");
    ASSERT_TRUE(first);
    std::vector<Background> list;
    list.push_back(std::move(*first));
    ASSERT_TRUE(eventually([&] { return count_processes(seconds) == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return count_processes(seconds) == 0; }));
}

TEST(ResidentSize, is_read_once_there_is_a_descriptor_for_it) {
  ResidentSize ours(::getpid());
  {
    const test::FewDescriptors none(0);
    EXPECT_EQ(ours.bytes(), 0);
  }
  EXPECT_GT(ours.bytes(), 0);
}

}  // namespace
}  // namespace skep::proc
