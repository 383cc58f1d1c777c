// What a generation leaves with the process (keys, handlers, exceptions on their way) finds its
// code still there. Each case ends a process of its own, which must end well.
#include <signal.h>

#include <future>

#include "tests/unit/plugin/reload_support.hpp"

namespace skep::plugin {
namespace {

class ReloadHooksTest : public ReloadTest {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  void begin_hooks(const std::string& build) {
    build_ = build;
    install_bytes(bytes_of(fixture("hooks/" + build + ".so")), "hooks.so");
    begin();
  }
  model::Outcome use(const std::string& how) {
    ports::CancelToken cancel;
    ports::RunRequest request;
    request.task.type = "hooks";
    request.task.params = R"({"how":")" + how + "\"}";
    return registry_->task_table()->run(request, 0, cancel, {});
  }
  /// Another generation serves, and the first has ended.
  void replace() {
    install_bytes(bytes_of(fixture("hooks/" + build_ + ".so")) + "2", "hooks.so");
    const auto done = registry_->reload("hooks");
    if (!done || !done->changed) std::abort();
    registry_->wait_drained();
    if (info_of(*registry_, "hooks.so").generations.at(1).state != GenerationState::kRetired)
      std::abort();
  }
  [[noreturn]] void end_well() {
    registry_.reset();
    std::exit(0);
  }

  [[noreturn]] void leave(const std::string& how) {
    begin_hooks("hooks");
    use(how);
    replace();
    if (how == "signal") ::raise(SIGUSR1);
    end_well();
  }
  [[noreturn]] void leave_key() {
    begin_hooks("hooks");
    std::promise<void> used;
    std::promise<void> retired;
    std::thread host_thread([&] {
      use("key");
      used.set_value();
      retired.get_future().wait();
    });
    used.get_future().wait();
    replace();
    retired.set_value();
    host_thread.join();
    end_well();
  }
  [[noreturn]] void escape() {
    begin_hooks("hooks_static");
    use("escape");
    end_well();
  }
  std::string build_;
};

using testing::ExitedWithCode;

TEST_F(ReloadHooksTest, a_thread_key_is_destroyed_by_code_that_has_retired) {
  EXPECT_EXIT(leave_key(), ExitedWithCode(0), "key called, 1 uses");
}

TEST_F(ReloadHooksTest, exit_handlers_run_in_code_that_has_retired) {
  EXPECT_EXIT(leave("on_exit"), ExitedWithCode(0), "on_exit called, 1 uses");
  EXPECT_EXIT(leave("atexit"), ExitedWithCode(0), "atexit called, 1 uses");
}

TEST_F(ReloadHooksTest, a_signal_handler_runs_in_code_that_has_retired) {
  EXPECT_EXIT(leave("signal"), ExitedWithCode(0), "signal called, 1 uses");
}

TEST_F(ReloadHooksTest, exceptions_inside_a_runtime_of_its_own_fail_the_call) {
  for (const char* isolation : {"inproc", "process"}) {
    options_.isolation = isolation;
    begin_hooks("hooks_static");
    const auto failed = use("throw");
    EXPECT_EQ(failed.kind, model::OutcomeKind::kFailed);
    EXPECT_NE(failed.error.find("thrown and caught in the plugin"), std::string::npos)
        << failed.error;
    EXPECT_EQ(use("").kind, model::OutcomeKind::kSucceeded);
  }
}

TEST_F(ReloadHooksTest, an_exception_of_another_runtime_costs_a_child) {
  options_.isolation = "process";
  begin_hooks("hooks_static");
  const auto crashed = use("escape");
  EXPECT_EQ(crashed.kind, model::OutcomeKind::kFailed);
  EXPECT_NE(crashed.error.find("SIGABRT"), std::string::npos) << crashed.error;
  EXPECT_EQ(use("").kind, model::OutcomeKind::kSucceeded);
}

/// Nothing in the host can catch it: the reason for `isolation = "process"`.
TEST_F(ReloadHooksTest, an_exception_of_another_runtime_ends_its_process) {
  EXPECT_EXIT(escape(), testing::KilledBySignal(SIGABRT), "");
}

}  // namespace
}  // namespace skep::plugin
