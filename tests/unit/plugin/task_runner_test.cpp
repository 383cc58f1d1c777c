#include <poll.h>

#include <atomic>
#include <future>
#include <thread>

#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/task_table.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

/// All tests share one registry: loading is not what they are about.
class TaskRunnerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    staging_ = std::make_unique<TempDir>();
    registry_ = std::make_unique<Registry>(
        RegistryOptions{{fixture("good"), fixture("odd")}, staging_->file("s"), {}});
    ASSERT_TRUE(registry_->scan());
    auto runner = registry_->tasks();
    ASSERT_TRUE(runner) << runner.error().message;
    runner_ = std::move(*runner);
  }
  static void TearDownTestSuite() {
    runner_.reset();
    registry_.reset();
    staging_.reset();
  }

  model::Outcome run(const std::string& type, const std::string& params, MonoMs deadline = 0) {
    ports::RunRequest request;
    request.task = {{"t-1", 3, "lease"}, type, params, "key-1", 5000};
    request.worker_id = "w-1";
    request.site = "site-a";
    return runner_->run(request, deadline, cancel_, events_);
  }
  model::Outcome misbehave(const std::string& how) {
    return run("misbehave", R"({"how":")" + how + "\"}");
  }
  static MonoMs in(std::int64_t ms) { return SystemClock().mono_ms() + ms; }

  static std::unique_ptr<TempDir> staging_;
  static std::unique_ptr<Registry> registry_;
  static std::shared_ptr<TaskTable> runner_;
  ports::CancelToken cancel_;
  ports::TaskEvents events_;
};
std::unique_ptr<TempDir> TaskRunnerTest::staging_;
std::unique_ptr<Registry> TaskRunnerTest::registry_;
std::shared_ptr<TaskTable> TaskRunnerTest::runner_;

TEST_F(TaskRunnerTest, success_without_result_is_null) {
  const auto out = run("noop", "{}");
  EXPECT_EQ(out.kind, model::OutcomeKind::kSucceeded);
  EXPECT_EQ(out.result, "null");
  EXPECT_EQ(out.error, "");
}

TEST_F(TaskRunnerTest, result_is_the_document) {
  EXPECT_EQ(run("echo", R"({"a":[1,2,{"b":null}]})").result, R"({"a":[1,2,{"b":null}]})");
  EXPECT_EQ(run("echo", "").result, "{}");
  EXPECT_EQ(misbehave("two_results").result, "2");
}

TEST_F(TaskRunnerTest, request_has_every_member_and_defaults) {
  EXPECT_EQ(misbehave("request").result,
            R"({"task_id":"t-1","type":"misbehave","attempt":3,"worker_id":"w-1","site":"site-a",)"
            R"("idempotency_key":"key-1","timeout_ms":5000,)"
            R"("params":{"how":"request","label":"none"}})");
}

TEST_F(TaskRunnerTest, wrong_params_never_reach_the_plugin) {
  const auto out = run("misbehave", R"({"label":5})");
  EXPECT_EQ(out.kind, model::OutcomeKind::kFailed);
  EXPECT_TRUE(out.retryable) << "another version of it may take them";
  EXPECT_EQ(out.cause, model::Cause::kNode);
  EXPECT_FALSE(run("echo", "[]").retryable);
  const auto error = parse_json(out.error);
  ASSERT_TRUE(error) << out.error;
  const auto& o = error->get_object();
  EXPECT_EQ(get_string(o, "code"), ports::kParamsRefused);
  EXPECT_TRUE(get_string(o, "message").starts_with("params of misbehave")) << out.error;
  EXPECT_EQ(o.at("errors").get_array().size(), 2u) << out.error;
  EXPECT_NE(run("echo", "{").error.find("params of echo: JSON"), std::string::npos);
  EXPECT_NE(run("echo", "[]").error.find("must be a JSON object"), std::string::npos);
}

TEST_F(TaskRunnerTest, unknown_type_may_be_known_elsewhere) {
  const auto out = run("ecko", "{}");
  EXPECT_EQ(out.kind, model::OutcomeKind::kFailed);
  EXPECT_TRUE(out.retryable);
  EXPECT_EQ(out.cause, model::Cause::kNode);
  EXPECT_EQ(out.error,
            R"({"code":"unknown-task-type","message":"no task type \"ecko\" on this worker; )"
            R"(did you mean \"echo\"?","next":"skep script list   or   skep plugin list"})");
}

TEST_F(TaskRunnerTest, failures_say_code_and_message) {
  auto out = misbehave("busy");
  EXPECT_EQ(out.error, R"({"code":"busy","message":"the device is in use"})");
  EXPECT_TRUE(out.retryable);
  EXPECT_EQ(out.retry_after_ms, 1500);
  out = misbehave("silent");
  EXPECT_FALSE(out.retryable);
  EXPECT_EQ(out.error,
            R"x({"code":"not-found","message":"plugin misbehave failed with \"not-found\" and no )x"
            R"x(message (a defect of the plugin)"})x");
  EXPECT_NE(misbehave("unknown_code").error.find(R"("code":"internal")"), std::string::npos);
  EXPECT_NE(misbehave("positive").error.find("run(): returned 7, which is neither"),
            std::string::npos);
  EXPECT_EQ(misbehave("lost_code").error, R"({"code":"denied","message":"no rights"})");
  out = misbehave("failed_with_result");
  EXPECT_EQ(out.kind, model::OutcomeKind::kFailed);
  EXPECT_EQ(out.result, R"({"exit_code":3})");
}

TEST_F(TaskRunnerTest, plugin_text_is_always_utf8) {
  EXPECT_EQ(misbehave("bad_utf8").error, "{\"code\":\"invalid\",\"message\":\"caf\xef\xbf\xbd\"}");
}

TEST_F(TaskRunnerTest, broken_results_name_the_plugin) {
  EXPECT_TRUE(
      misbehave("not_json")
          .error.starts_with(
              R"({"code":"corrupt","message":"plugin misbehave emitted a result that is not JSON: )"));
  EXPECT_EQ(misbehave("huge").error,
            R"({"code":"invalid","message":"the result has 4194306 bytes; at most 4194304 are )"
            R"(allowed"})");
}

TEST_F(TaskRunnerTest, exception_costs_the_task_and_not_the_host) {
  const auto out = misbehave("throw");
  EXPECT_EQ(out.kind, model::OutcomeKind::kFailed);
  EXPECT_NE(out.error.find("crossed the C boundary"), std::string::npos);
  EXPECT_NE(out.error.find("thrown on purpose"), std::string::npos);
  EXPECT_EQ(misbehave("two_results").kind, model::OutcomeKind::kSucceeded);
}

TEST_F(TaskRunnerTest, channels_reach_their_listeners) {
  std::string seen;
  events_.output = [&](bool is_stderr, std::string_view bytes) {
    seen += (is_stderr ? "2:" : "1:") + std::string(bytes) + " ";
  };
  events_.log = [&](std::string_view json) { seen += json; };
  EXPECT_EQ(misbehave("output").kind, model::OutcomeKind::kSucceeded);
  EXPECT_EQ(seen, R"(1:out 2:err {"level":"info","event":"hello"})");
  log::configure("json", "info");
  testing::internal::CaptureStderr();
  EXPECT_NE(misbehave("artifact").error.find("unsupported"), std::string::npos);
  const std::string said = testing::internal::GetCapturedStderr();
  log::configure("text", "info");
  EXPECT_NE(said.find("channel_unsupported"), std::string::npos) << said;
  EXPECT_NE(said.find("skep.svc.artifact/1"), std::string::npos) << said;
  EXPECT_NE(misbehave("channel_9").error.find("invalid"), std::string::npos);
  EXPECT_NE(misbehave("progress").error.find("invalid"), std::string::npos);
}

TEST_F(TaskRunnerTest, a_listener_that_throws_does_not_unwind_the_plugin) {
  events_.output = [](bool, std::string_view) { throw std::bad_alloc(); };
  EXPECT_EQ(misbehave("output").kind, model::OutcomeKind::kSucceeded);
}

TEST_F(TaskRunnerTest, progress_arrives_in_order) {
  std::vector<std::uint32_t> steps;
  events_.progress = [&](std::uint32_t permille, std::string_view) { steps.push_back(permille); };
  EXPECT_EQ(run("sleep", R"({"ms":1})").kind, model::OutcomeKind::kSucceeded);
  ASSERT_EQ(steps.size(), 10u);
  EXPECT_EQ(steps.front(), 100u);
  EXPECT_EQ(steps.back(), 1000u);
}

TEST_F(TaskRunnerTest, cancellation_wakes_a_waiting_task) {
  auto outcome =
      std::async(std::launch::async, [&] { return run("sleep", R"({"ms":600000})", in(60'000)); });
  cancel_.cancel(ports::CancelReason::kUser);
  const auto out = outcome.get();
  EXPECT_EQ(out.kind, model::OutcomeKind::kCancelled);
  EXPECT_EQ(out.error, R"({"code":"cancelled","message":"woken up"})");
}

TEST_F(TaskRunnerTest, deadline_ends_a_task_as_failed) {
  const auto out = run("sleep", R"({"ms":600000})", in(20));
  EXPECT_EQ(out.kind, model::OutcomeKind::kFailed);
  EXPECT_EQ(out.error, R"({"code":"deadline","message":"woken up"})");
  EXPECT_EQ(cancel_.reason(), ports::CancelReason::kDeadline);
  pollfd fd{cancel_.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&fd, 1, 0), 1);
}

TEST_F(TaskRunnerTest, cancelled_without_being_asked_is_a_failure) {
  const auto out = misbehave("cancelled_alone");
  EXPECT_EQ(out.kind, model::OutcomeKind::kFailed);
  EXPECT_EQ(out.error, R"({"code":"cancelled","message":"did not want"})");
}

/// A task table of the test itself: blocks until it is let go.
struct Held {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<bool> go{false};
  static skep_rc run(skep_inst* inst, skep_call*, skep_view) {
    auto& self = *reinterpret_cast<Held*>(inst);
    const int now = ++self.inside;
    if (now > self.most) self.most = now;
    self.inside.notify_all();
    self.go.wait(false);
    --self.inside;
    return SKEP_OK;
  }
};

TEST(TaskComponent, keeps_max_concurrency_and_waiting_can_be_cancelled) {
  Held held;
  const skep_task_v1 table{sizeof(skep_task_v1), 0, Held::run};
  TaskComponent component(
      std::make_unique<InprocTarget>(&table, reinterpret_cast<skep_inst*>(&held), nullptr, "t"),
      {"held", {"held", "", "1.0.0", "{}", 0}, std::nullopt, 1});
  ports::CancelToken first_cancel;
  ports::CancelToken second_cancel;
  const ports::TaskEvents events;
  const auto execute = [&](MonoMs deadline, ports::CancelToken& cancel) {
    TaskCall call("t", deadline, cancel, events);
    return component.execute(call, "{}");
  };
  std::thread first([&] { execute(0, first_cancel); });
  held.inside.wait(0);
  std::thread second([&] {
    const auto out = execute(0, second_cancel);
    EXPECT_EQ(out.kind, model::OutcomeKind::kCancelled);
    EXPECT_EQ(out.error, R"({"code":"cancelled","message":"cancelled by an operator"})");
  });
  second_cancel.cancel(ports::CancelReason::kUser);
  second.join();
  ports::CancelToken third_cancel;
  const auto late = execute(SystemClock().mono_ms() + 10, third_cancel);
  EXPECT_NE(late.error.find(R"("code":"deadline")"), std::string::npos) << late.error;
  held.go = true;
  held.go.notify_all();
  first.join();
  EXPECT_EQ(held.most, 1);
}

}  // namespace
}  // namespace skep::plugin
