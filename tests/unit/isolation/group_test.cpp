// Groups of children: warm, fresh, many at once, idle, stopped, and children that do not start.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <set>

#include "tests/unit/isolation/support.hpp"

namespace skep::plugin {
namespace {

using proc::eventually;

class Group : public testing::Test {
 protected:
  void start(ChildPlugin plugin) {
    auto group = ChildGroup::start(std::move(plugin));
    ASSERT_TRUE(group) << group.error().message;
    group_ = *group;
    target_ = group_->task_target();
  }
  std::string pid() { return Attempt().unruly(*target_, "pid").result; }

  Staging staging_;
  std::shared_ptr<ChildGroup> group_;
  std::unique_ptr<TaskTarget> target_;
};

TEST_F(Group, a_warm_child_serves_many_tasks) {
  start(staging_.unruly());
  const std::string first = pid();
  EXPECT_EQ(pid(), first);
  EXPECT_EQ(pid(), first);
  const ChildStats stats = group_->stats();
  EXPECT_EQ(stats.children, 1);
  EXPECT_EQ(stats.busy, 0);
  EXPECT_EQ(stats.started, 1);
  EXPECT_EQ(stats.state, "ready");
}

TEST_F(Group, per_task_is_a_fresh_child_each_with_a_folder_that_goes_with_it) {
  ChildPlugin plugin = staging_.unruly();
  plugin.per_task = true;
  const std::string folder = plugin.state_dir + "/children/unruly";
  std::filesystem::create_directories(folder + "/task-of-a-killed-node");
  start(plugin);
  std::set<std::string> pids;
  for (int i = 0; i < 3; ++i) pids.insert(pid());
  EXPECT_EQ(pids.size(), 3u);
  EXPECT_TRUE(eventually([&] { return group_->stats().children == 0; }));
  EXPECT_TRUE(eventually([&] { return std::filesystem::is_empty(folder); }));
}

TEST_F(Group, a_child_ends_after_its_number_of_tasks) {
  ChildPlugin plugin = staging_.unruly();
  plugin.limits.max_tasks = 2;
  start(plugin);
  const std::string first = pid();
  EXPECT_EQ(pid(), first);
  EXPECT_NE(pid(), first);
  EXPECT_EQ(group_->stats().crashes + group_->stats().kills, 0);
}

TEST_F(Group, a_child_that_ran_out_of_memory_or_grew_too_large_serves_nobody_else) {
  start(staging_.unruly());
  const std::string first = pid();
  EXPECT_NE(Attempt().unruly(*target_, "no_memory").error.find("no-space"), std::string::npos);
  EXPECT_NE(pid(), first);
  ChildPlugin large = staging_.unruly();
  large.limits.recycle_mb = 1;  // which any process has
  start(large);
  std::set<std::string> pids;
  for (int i = 0; i < 9; ++i) pids.insert(pid());
  EXPECT_EQ(pids.size(), 2u);
}

TEST_F(Group, grows_on_demand_and_shrinks_to_one) {
  ChildPlugin plugin = staging_.unruly();
  plugin.limits.idle_timeout = Millis(50);
  start(plugin);
  std::vector<std::unique_ptr<Attempt>> runs;
  std::vector<std::future<model::Outcome>> outcomes;
  for (int i = 0; i < 3; ++i) {
    runs.push_back(std::make_unique<Attempt>());
    outcomes.push_back(std::async(std::launch::async, [this, run = runs.back().get()] {
      return run->unruly(*target_, "wait", "", from_now(60'000));
    }));
  }
  ASSERT_TRUE(eventually([&] { return group_->stats().busy == 3; }));
  for (auto& run : runs) run->cancel.cancel(ports::CancelReason::kUser);
  for (auto& outcome : outcomes)
    EXPECT_EQ(outcome.get().error, R"({"code":"cancelled","message":"stopped when told"})");
  EXPECT_TRUE(eventually([&] { return group_->stats().children == 1; }));
}

TEST_F(Group, a_child_that_died_while_idle_costs_no_task) {
  start(staging_.unruly());
  const std::string first = pid();
  ASSERT_EQ(kill(std::stoi(first), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(std::stoi(first)), &info, WEXITED | WNOHANG | WNOWAIT) ==
               0 &&
           info.si_pid != 0;
  }));
  const std::string second = pid();
  EXPECT_NE(second, first);
  EXPECT_FALSE(second.empty());
}

TEST_F(Group, a_child_that_was_stopped_while_idle_costs_no_task) {
  start(staging_.unruly());
  const std::string first = pid();
  ASSERT_EQ(kill(std::stoi(first), SIGSTOP), 0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(std::stoi(first)), &info, WSTOPPED | WNOWAIT), 0);
  const std::string second = pid();
  EXPECT_NE(second, first);
  EXPECT_FALSE(second.empty());
  EXPECT_EQ(kill(std::stoi(first), 0), -1) << "it is gone";
}

TEST_F(Group, the_deadline_reaches_a_task_that_waits_for_it) {
  start(staging_.unruly());
  Attempt run;
  const auto out = run.unruly(*target_, "wait", "", from_now(50));
  EXPECT_EQ(out.error, R"({"code":"deadline","message":"stopped when told"})");
  EXPECT_EQ(run.seen, "1:waiting\n");
  EXPECT_EQ(run.cancel.reason(), ports::CancelReason::kDeadline);
  EXPECT_EQ(pid(), pid()) << "the child is as good as before";
}

TEST_F(Group, cancellation_of_one_task_is_not_that_of_the_next) {
  start(staging_.unruly());
  Attempt cancelled;
  cancelled.cancel.cancel(ports::CancelReason::kUser);
  EXPECT_EQ(cancelled.unruly(*target_, "wait").kind, model::OutcomeKind::kCancelled);
  Attempt next;
  const auto out = next.unruly(*target_, "wait", "", from_now(50));
  EXPECT_EQ(member(out.error, "code"), "deadline");
}

TEST_F(Group, what_start_says_is_the_error) {
  ChildPlugin plugin = staging_.unruly();
  plugin.config_json = R"({"start":"fail"})";
  const auto group = ChildGroup::start(plugin);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().code, Code::kUnavailable);
  EXPECT_EQ(group.error().message,
            "plugin unruly: start of \"unruly\": the licence server is away");
}

TEST_F(Group, a_crash_while_starting_names_the_signal) {
  ChildPlugin plugin = staging_.unruly();
  plugin.config_json = R"({"start":"abort"})";
  const auto group = ChildGroup::start(plugin);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().id(), "plugin-crashed");
  EXPECT_NE(group.error().message.find("SIGABRT"), std::string::npos) << group.error().message;
}

TEST_F(Group, garbage_while_starting_is_a_violation) {
  ChildPlugin plugin = staging_.unruly();
  plugin.config_json = R"({"start":"garbage"})";
  const auto group = ChildGroup::start(plugin);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().id(), "plugin-violation") << group.error().message;
}

TEST_F(Group, a_start_that_hangs_ends_with_its_time) {
  ChildPlugin plugin = staging_.unruly();
  plugin.config_json = R"({"start":"hang"})";
  plugin.limits.start_timeout = Millis(300);
  const auto group = ChildGroup::start(plugin);
  ASSERT_FALSE(group);
  EXPECT_NE(group.error().message.find("did not answer in time"), std::string::npos);
}

TEST_F(Group, a_file_that_changed_after_staging_is_not_loaded) {
  ChildPlugin plugin = staging_.unruly();
  plugin.file.sha256[0] = plugin.file.sha256[0] == '0' ? '1' : '0';
  const auto group = ChildGroup::start(plugin);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().id(), "plugin-changed");
}

TEST_F(Group, a_missing_program_says_which) {
  ChildPlugin plugin = staging_.unruly();
  plugin.plughost = "/nowhere/skep-plughost";
  const auto group = ChildGroup::start(plugin);
  ASSERT_FALSE(group);
  EXPECT_NE(group.error().message.find("/nowhere/skep-plughost"), std::string::npos);
}

TEST_F(Group, children_that_no_longer_start_make_tasks_wait) {
  ChildPlugin plugin = staging_.unruly();
  const std::string file = plugin.file.path;
  start(plugin);
  EXPECT_EQ(Attempt().unruly(*target_, "_exit").kind, model::OutcomeKind::kFailed);
  ASSERT_EQ(::unlink(file.c_str()), 0);
  std::ofstream(file) << "other bytes";
  const auto first = Attempt().unruly(*target_, "pid");
  EXPECT_TRUE(first.retryable) << first.error;
  EXPECT_EQ(first.cause, model::Cause::kType) << "it holds up no task of another type";
  EXPECT_EQ(group_->stats().state, "backoff");
  EXPECT_EQ(group_->stats().start_failures, 1);
  // A machine that pauses here finds a later rest: each is twice as long as the one before.
  model::Outcome second;
  EXPECT_TRUE(eventually([&] {
    const auto failures = group_->stats().start_failures;
    second = Attempt().unruly(*target_, "pid");
    return group_->stats().start_failures == failures;
  })) << "each task was a start";
  EXPECT_TRUE(second.retryable);
  EXPECT_TRUE(member(second.error, "code").starts_with("plugin-")) << second.error;
  EXPECT_GT(second.retry_after_ms, 0);
  EXPECT_EQ(second.cause, model::Cause::kType);
}

TEST_F(Group, a_staged_copy_that_somebody_removed_is_put_back) {
  ChildPlugin plugin = staging_.unruly();
  const std::filesystem::path file = plugin.file.path;
  const std::string sha256 = plugin.file.sha256;
  start(plugin);
  for (const auto& gone : {file, file.parent_path(), file.parent_path().parent_path()}) {
    EXPECT_EQ(Attempt().unruly(*target_, "_exit").kind, model::OutcomeKind::kFailed);
    std::filesystem::remove_all(gone);
    EXPECT_NE(pid(), "") << gone;
    EXPECT_TRUE(verify_staged({file, sha256}));
  }
  EXPECT_EQ(std::filesystem::status(file.parent_path()).permissions(),
            std::filesystem::perms::owner_all);
  EXPECT_EQ(group_->stats().start_failures, 0);
}

TEST_F(Group, a_place_where_no_copy_can_be_is_the_lack_of_this_node_until_it_can) {
  ChildPlugin plugin = staging_.unruly();
  const std::filesystem::path folder = std::filesystem::path(plugin.file.path).parent_path();
  start(plugin);
  EXPECT_EQ(Attempt().unruly(*target_, "_exit").kind, model::OutcomeKind::kFailed);
  std::filesystem::remove_all(folder);
  std::ofstream(folder) << "in its way";
  EXPECT_EQ(Attempt().unruly(*target_, "pid").cause, model::Cause::kType);
  std::filesystem::remove(folder);
  EXPECT_TRUE(eventually([&] { return pid() != ""; }));
}

TEST_F(Group, a_host_program_that_is_gone_is_the_lack_of_this_node) {
  ChildPlugin plugin = staging_.unruly();
  const TempDir dir;
  const std::string moved = dir.file("plughost");
  std::filesystem::copy_file(plugin.plughost, moved);
  plugin.plughost = moved;
  start(plugin);
  EXPECT_EQ(Attempt().unruly(*target_, "_exit").kind, model::OutcomeKind::kFailed);
  ASSERT_EQ(::unlink(moved.c_str()), 0);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(Attempt().unruly(*target_, "pid").cause, model::Cause::kType) << i;
}

TEST_F(Group, a_task_that_ends_does_not_wait_for_its_child) {
  ChildPlugin plugin = staging_.unruly();
  plugin.config_json = R"({"start":"hang_later"})";
  plugin.limits.start_timeout = Millis(600'000);
  plugin.cancel_grace = Millis(50);
  start(plugin);
  Attempt first;
  auto occupied = std::async(std::launch::async, [&] { return first.unruly(*target_, "wait"); });
  ASSERT_TRUE(eventually([&] { return group_->stats().busy == 1; }));
  Attempt cancelled;
  auto outcome = std::async(std::launch::async, [&] { return cancelled.unruly(*target_, "pid"); });
  cancelled.cancel.cancel(ports::CancelReason::kUser);
  EXPECT_EQ(outcome.get().kind, model::OutcomeKind::kCancelled);
  Attempt late;
  EXPECT_EQ(member(late.unruly(*target_, "pid", "", from_now(50)).error, "code"), "deadline");
  EXPECT_EQ(group_->stats().start_failures, 0);
  EXPECT_EQ(group_->stats().state, "ready");
  first.cancel.cancel(ports::CancelReason::kUser);
  occupied.get();
}

TEST_F(Group, stop_kills_what_runs_after_its_grace) {
  start(staging_.unruly());
  Attempt run;
  auto outcome = std::async(std::launch::async, [&] { return run.unruly(*target_, "spin"); });
  ASSERT_TRUE(eventually([&] { return group_->stats().busy == 1; }));
  group_->stop(Millis(50));
  const auto out = outcome.get();
  EXPECT_TRUE(out.retryable);
  EXPECT_EQ(member(out.error, "code"), "unavailable") << out.error;
  EXPECT_EQ(group_->stats().state, "stopped");
  EXPECT_EQ(group_->stats().children, 0);
  const auto late = Attempt().unruly(*target_, "pid");
  EXPECT_TRUE(late.retryable);
  EXPECT_NE(late.error.find("was stopped"), std::string::npos);
}

TEST_F(Group, stop_lets_a_task_finish_within_its_grace) {
  start(staging_.unruly());
  Attempt run;
  auto outcome = std::async(std::launch::async, [&] { return run.unruly(*target_, "wait"); });
  ASSERT_TRUE(eventually([&] { return group_->stats().busy == 1; }));
  auto stopped = std::async(std::launch::async, [&] { group_->stop(Millis(600'000)); });
  EXPECT_TRUE(eventually([&] { return group_->stats().state == "stopped"; }));
  EXPECT_EQ(group_->stats().busy, 1) << "it is waited for";
  run.cancel.cancel(ports::CancelReason::kUser);
  EXPECT_EQ(member(outcome.get().error, "message"), "stopped when told");
  stopped.get();
}

/// Answers with its parameters, or fails.
struct Inner final : ports::TaskRunner {
  model::Outcome run(const ports::RunRequest& request, MonoMs, ports::CancelToken&,
                     const ports::TaskEvents& events) override {
    seen = request;
    events.output(false, "inside");
    if (fails) return failed_outcome(Error{Code::kDenied, "no rights"}, false);
    model::Outcome out;
    out.kind = model::OutcomeKind::kSucceeded;
    out.result = request.task.params;
    return out;
  }
  std::vector<ports::TaskType> types() const override { return {}; }
  bool fails = false;
  ports::RunRequest seen;
};

TEST_F(Group, a_task_runs_another_one_through_the_host) {
  start(staging_.unruly());
  Inner inner;
  Attempt task;
  task.nested = &inner;
  task.outer.site = "site-a";
  EXPECT_EQ(task.unruly(*target_, "nest", "hi").result, R"({"word":"hi"})");
  EXPECT_EQ(task.seen, "1:before\n1:inside\n1:after\n");
  EXPECT_EQ(inner.seen.task.type, "inner");
  EXPECT_EQ(inner.seen.site, "site-a");
  inner.fails = true;
  EXPECT_EQ(task.unruly(*target_, "nest", "hi").error,
            R"({"code":"denied","message":"no rights"})");
}

TEST_F(Group, children_share_what_they_keep) {
  ChildPlugin plugin = staging_.unruly();
  plugin.per_task = true;
  start(plugin);
  EXPECT_EQ(Attempt().unruly(*target_, "keep", "first").result, R"("")");
  EXPECT_EQ(Attempt().unruly(*target_, "keep", "second").result, R"("first")");
}

TEST_F(Group, says_whose_fault_it_was) {
  start(staging_.unruly());
  Attempt task;
  task.unruly(*target_, "pid");
  EXPECT_EQ(task.end, CallEnd::kOk);
  task.unruly(*target_, "abort");
  EXPECT_EQ(task.end, CallEnd::kCrash);
  task.unruly(*target_, "leak_thread");
  EXPECT_EQ(task.end, CallEnd::kFault);
}

TEST_F(Group, a_target_outlives_its_group) {
  start(staging_.unruly());
  group_.reset();
  EXPECT_TRUE(Attempt().unruly(*target_, "pid").retryable);
}

}  // namespace
}  // namespace skep::plugin
