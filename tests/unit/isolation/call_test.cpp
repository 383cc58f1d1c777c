// A call whose plugin comes with it after its end.
#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <thread>

#include "core/plugin/adapters/call_use.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/view.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

TEST(EndedCall, turns_everybody_away) {
  ports::CancelToken cancel;
  std::string out;
  const ports::TaskEvents events{[&](bool, std::string_view bytes) { out += bytes; }, {}, {}};
  skep_call* late = nullptr;
  {
    TaskCall call("acme", 0, cancel, events);
    late = call.handle();
    EXPECT_EQ(late->ops->emit(late, SKEP_CH_STDOUT, to_view("in time")), SKEP_OK);
    EXPECT_FALSE(CallUse(late).is_over());
  }
  const skep_call_ops& ops = *late->ops;
  EXPECT_EQ(ops.emit(late, SKEP_CH_STDOUT, to_view("late")), SKEP_E_STATE);
  EXPECT_EQ(ops.progress(late, 1, {}), SKEP_E_STATE);
  EXPECT_EQ(ops.fail(late, SKEP_E_BUSY, 0, {}), SKEP_E_STATE);
  EXPECT_NE(ops.cancelled(late), 0);
  EXPECT_EQ(ops.deadline_ns(late), 0);
  EXPECT_NE(ops.wait(late, std::numeric_limits<std::int64_t>::max()), 0);
  EXPECT_EQ(ops.cancel_fd(late), -1);
  ops.log(late, SKEP_LOG_ERROR, to_view("late"), {});
  EXPECT_TRUE(CallUse(late).is_over());
  EXPECT_EQ(out, "in time");
}

TEST(EndedCall, waits_for_who_is_inside_and_wakes_who_waits) {
  ports::CancelToken cancel;
  std::promise<void> entered;
  std::promise<void> release;
  const ports::TaskEvents events{[&](bool, std::string_view) {
                                   entered.set_value();
                                   release.get_future().wait();
                                 },
                                 {},
                                 {}};
  std::thread speaker;
  std::thread waiter;
  std::int32_t woken = 0;
  skep_rc spoken = SKEP_E_INTERNAL;
  std::thread releaser;
  {
    TaskCall call("acme", 0, cancel, events);
    skep_call* handle = call.handle();
    waiter = std::thread([&woken, handle] {
      woken = handle->ops->wait(handle, std::numeric_limits<std::int64_t>::max());
    });
    speaker = std::thread(
        [&spoken, handle] { spoken = handle->ops->emit(handle, SKEP_CH_STDOUT, to_view("x")); });
    entered.get_future().wait();
    releaser = std::thread([&] { release.set_value(); });
  }
  waiter.join();
  speaker.join();
  releaser.join();
  EXPECT_NE(woken, 0);
  EXPECT_EQ(spoken, SKEP_OK);
}

TEST(CallHandle, comes_again_only_after_many_others) {
  ports::CancelToken cancel;
  const ports::TaskEvents events;
  skep_call* first = nullptr;
  {
    TaskCall call("acme", 0, cancel, events);
    first = call.handle();
  }
  for (int i = 0; i < 200; ++i) {
    TaskCall call("acme", 0, cancel, events);
    EXPECT_NE(call.handle(), first);
  }
}

TEST(TaskCall, a_task_inside_is_run_on_the_threads_own) {
  ports::CancelToken cancel;
  const ports::TaskEvents events;
  TaskCall call("acme", 0, cancel, events);
  std::thread([&] {
    const auto ran = call.run_task("x", "{}");
    ASSERT_FALSE(ran);
    EXPECT_NE(ran.error().message.find("the thread that run() was called on"), std::string::npos);
  }).join();
}

}  // namespace
}  // namespace skep::plugin
