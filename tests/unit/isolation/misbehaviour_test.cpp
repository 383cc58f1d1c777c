// A plugin that harms its process: the host lives, the task fails with the cause, the next task
// runs. All of it with warm children and with a fresh child each.
#include <poll.h>
#include <sys/resource.h>

#include <future>

#include "tests/unit/isolation/support.hpp"

namespace skep::plugin {
namespace {

using proc::count_processes;
using proc::eventually;
using proc::unique_seconds;

/// What has to run out, though a fresh child is up within it.
constexpr std::int64_t kSoon = 15'000;

class Misbehaviour : public testing::TestWithParam<bool> {
 protected:
  void start(ChildLimits limits = {}) {
    ChildPlugin plugin = staging_.unruly();
    plugin.per_task = GetParam();
    limits.cancel_grace = Millis(100);
    limits.start_timeout = kTimeToStart;
    plugin.limits = limits;
    auto group = ChildGroup::start(plugin);
    ASSERT_TRUE(group) << group.error().message;
    group_ = *group;
    target_ = group_->task_target();
  }
  model::Outcome run(const std::string& how, const std::string& word = "", MonoMs deadline = 0) {
    return run_.unruly(*target_, how, word, deadline);
  }
  /// The task failed for good, with this code, and the error says all of `parts`.
  void expect_failed(const model::Outcome& out, const std::string& code,
                     const std::vector<std::string>& parts) {
    EXPECT_EQ(out.kind, model::OutcomeKind::kFailed);
    EXPECT_FALSE(out.retryable);
    EXPECT_EQ(member(out.error, "code"), code) << out.error;
    for (const std::string& part : parts)
      EXPECT_NE(out.error.find(part), std::string::npos) << part << " in " << out.error;
  }
  void expect_next_task_runs() {
    Attempt next;
    const auto out = next.unruly(*target_, "join_thread");
    EXPECT_EQ(out.result, "\"joined\"") << out.error;
  }

  Staging staging_;
  std::shared_ptr<ChildGroup> group_;
  std::unique_ptr<TaskTarget> target_;
  Attempt run_;
};

INSTANTIATE_TEST_SUITE_P(Mode, Misbehaviour, testing::Values(false, true),
                         [](const auto& mode) { return mode.param ? "per_task" : "process"; });

#ifndef SKEP_SANITIZED
constexpr bool kSanitized = false;
#else
constexpr bool kSanitized = true;
#endif

TEST_P(Misbehaviour, a_null_pointer_costs_its_task) {
  start();
  const auto out = run("null");
  if (!kSanitized)
    expect_failed(out, "plugin-crashed",
                  {"plugin unruly 1.2.3 (generation 7, sha256 ", "killed by signal 11 (SIGSEGV)"});
  expect_next_task_runs();
  EXPECT_EQ(group_->stats().crashes, 1);
}

TEST_P(Misbehaviour, abort_is_reported_with_its_last_lines) {
  start();
  expect_failed(run("abort", "that was it"), "plugin-crashed",
                {"SIGABRT", "its last lines: first line | last words: that was it"});
  expect_next_task_runs();
}

TEST_P(Misbehaviour, the_last_lines_are_those_of_the_task_that_crashed) {
  start();
  EXPECT_EQ(run("flood_stderr").result, "\"shouted\"");
  EXPECT_EQ(run("mutter", "an earlier task").result, "\"muttered\"");
  const auto aborted = run("abort", "mine");
  expect_failed(aborted, "plugin-crashed", {"its last lines: first line | last words: mine"});
  EXPECT_EQ(run("mutter", "an earlier task").result, "\"muttered\"");
  const auto left = run("exit");
  expect_failed(left, "plugin-crashed", {"exited with code 0"});
  EXPECT_EQ(left.error.find("earlier"), std::string::npos) << left.error;
}

TEST_P(Misbehaviour, exit_is_not_success) {
  start();
  expect_failed(run("exit"), "plugin-crashed", {"exited with code 0 while it ran the task"});
  expect_failed(run("_exit"), "plugin-crashed", {"exited with code 3"});
  expect_next_task_runs();
}

TEST_P(Misbehaviour, a_task_that_ignores_its_deadline_is_killed) {
  start();
  const MonoMs began = proc::monotonic_ms();
  const auto out = run("spin", "", from_now(GetParam() ? kSoon : 50));
  expect_failed(out, "deadline", {"did not stop within 100 ms", "process was killed"});
  EXPECT_LT(proc::monotonic_ms() - began, 120'000);
  EXPECT_EQ(group_->stats().kills, 1);
  EXPECT_EQ(run_.end, CallEnd::kFault);
  expect_next_task_runs();
}

TEST_P(Misbehaviour, a_task_that_ignores_an_operator_is_killed) {
  start();
  run_.cancel.cancel(ports::CancelReason::kUser);
  const auto out = run("spin");
  EXPECT_EQ(out.kind, model::OutcomeKind::kCancelled);
  EXPECT_EQ(member(out.error, "code"), "cancelled");
  EXPECT_EQ(run_.end, CallEnd::kOk) << "who has been cancelled is not rolled back for it";
  expect_next_task_runs();
}

/// A host that takes longer over a frame than the child: there is always another one.
TEST_P(Misbehaviour, a_task_that_floods_is_killed_as_well) {
  ChildLimits limits;
  limits.output_mb = 1;
  start(limits);
  int frames = 0;
  run_.events.progress = [&](std::uint32_t, std::string_view) {
    if (++frames == 1) run_.cancel.cancel(ports::CancelReason::kUser);
    if (frames <= 3'000) ::poll(nullptr, 0, 1);  // 3 s of a grace of 0.1 s: long enough
  };
  const auto out = run("flood_progress");
  EXPECT_EQ(out.kind, model::OutcomeKind::kCancelled);
  EXPECT_NE(out.error.find("did not stop within 100 ms"), std::string::npos) << out.error;
  EXPECT_LE(frames, 3'000);
  expect_next_task_runs();
}

TEST_P(Misbehaviour, a_leaked_thread_fails_the_task_and_ends_the_child) {
  start();
  expect_failed(run("leak_thread"), "plugin-violation", {"left 1 thread running"});
  expect_next_task_runs();
}

TEST_P(Misbehaviour, memory_is_limited) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs all the address space";
  ChildLimits limits;
  limits.memory_mb = 256;
  start(limits);
  expect_failed(run("fill_memory"), "no-space", {"out of memory"});
  expect_failed(run("fill_memory_in_c"), "plugin-crashed", {"SIGSEGV"});
  expect_next_task_runs();
}

TEST_P(Misbehaviour, ten_gigabytes_of_output_are_cut_off) {
  ChildLimits limits;
  limits.output_mb = 8;
  start(limits);
  std::size_t got = 0;
  run_.events.output = [&](bool, std::string_view bytes) { got += bytes.size(); };
  expect_failed(run("flood"), "plugin-violation", {"more than 8 MiB", "limits.output_mb"});
  EXPECT_LE(got, 8u << 20);
  EXPECT_GT(got, 6u << 20);
  expect_failed(run("flood_progress"), "plugin-violation", {"more than 8 MiB"});
  expect_next_task_runs();
}

TEST_P(Misbehaviour, a_result_over_the_limit_is_refused_in_the_child) {
  start();
  for (const char* how : {"huge", "huge_raw"})
    expect_failed(run(how), "invalid", {"the result has 8388610 bytes; at most 4194304"});
  expect_next_task_runs();
}

TEST_P(Misbehaviour, a_flood_on_stderr_is_read_and_dropped) {
  start();
  EXPECT_EQ(run("flood_stderr").result, "\"shouted\"");
  expect_next_task_runs();
}

TEST_P(Misbehaviour, an_exception_costs_its_task) {
  start();
  EXPECT_EQ(run("throw").error, R"({"code":"internal","message":"thrown on purpose"})");
  expect_next_task_runs();
}

TEST_P(Misbehaviour, closing_descriptors_harms_only_the_child) {
  start();
  expect_failed(run("close_everything"), "plugin-crashed", {"closed its connection to the host"});
  expect_failed(run("hang_up"), "plugin-crashed", {"closed its connection to the host"});
  expect_next_task_runs();
}

TEST_P(Misbehaviour, garbage_on_the_connection_ends_the_child) {
  start();
  for (const char* message : {
           "78",                    // too short
           "ffffffffffffffff",      // no such type
           "0100000000000000",      // a frame that only hosts send
           "0400000063000000",      // output on channel 99
           "0b00000000000000aabb",  // an end that does not hold its fields
           "0900000001000000aabb",  // a call of another task that does not
       })
    EXPECT_EQ(Attempt().unruly(*target_, "garbage", message).kind, model::OutcomeKind::kFailed)
        << message;
  // Half an end, then nothing of it: until its time is up, which a fresh child has to see.
  const auto half = Attempt().unruly(*target_, "garbage", "0b01000000000000aabb", from_now(kSoon));
  EXPECT_EQ(half.kind, model::OutcomeKind::kFailed);
  EXPECT_EQ(group_->stats().kills, 7);
  expect_next_task_runs();
}

TEST_P(Misbehaviour, what_escaped_dies_with_the_child) {
  start();
  const std::string left_by_crash = unique_seconds();
  expect_failed(run("escape_and_abort", left_by_crash), "plugin-crashed", {"SIGABRT"});
  EXPECT_EQ(count_processes(left_by_crash), 0);
  const std::string left = unique_seconds();
  EXPECT_EQ(run("escape", left).result, "\"escaped\"");
  group_->stop();
  EXPECT_EQ(count_processes(left), 0);
}

TEST_P(Misbehaviour, children_of_the_process_service_die_with_the_child) {
  start();
  const std::string seconds = unique_seconds();
  auto outcome = std::async(std::launch::async,
                            [&] { return run("serve_and_hang", seconds, from_now(60'000)); });
  ASSERT_TRUE(eventually([&] { return count_processes(seconds) == 2; }));
  run_.cancel.cancel(ports::CancelReason::kUser);
  EXPECT_EQ(outcome.get().kind, model::OutcomeKind::kCancelled);
  EXPECT_TRUE(eventually([&] { return count_processes(seconds) == 0; }));
  expect_next_task_runs();
}

TEST_P(Misbehaviour, changes_to_the_process_stay_in_it) {
  start();
  const std::string before = std::filesystem::current_path();
  EXPECT_EQ(run("change_process").result, "\"changed\"");
  EXPECT_EQ(std::filesystem::current_path(), before);
  EXPECT_NE(std::string(std::getenv("PATH")), "/nowhere");
  expect_next_task_runs();
}

TEST_P(Misbehaviour, the_environment_is_scrubbed) {
  ASSERT_EQ(setenv("SKEP_TEST_SECRET", "swordfish", 1), 0);
  start();
  const auto out = run("look_around");
  const auto seen = parse_json(out.result);
  ASSERT_TRUE(seen) << out.error;
  const auto& o = seen->get_object();
  EXPECT_EQ(out.result.find("swordfish"), std::string::npos) << out.result;
  EXPECT_NE(get_string(o, "env").find("HOME=" + get_string(o, "cwd") + "\n"), std::string::npos);
  EXPECT_NE(get_string(o, "cwd").find("/state/children/unruly"), std::string::npos);
  // Standard descriptors, the connection, the two of cancellation, and its own list of threads.
  EXPECT_EQ(get_string(o, "files"), "0 1 2 3 4 5 6 ");
  EXPECT_TRUE(get_bool(o, "leader"));
}

}  // namespace
}  // namespace skep::plugin
