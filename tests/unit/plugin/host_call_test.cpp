#include "core/plugin/host_call.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <limits>
#include <thread>

namespace skep::plugin {
namespace {

constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

bool is_readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, 0) == 1;
}

TEST(HostCall, says_once_why_it_is_to_stop) {
  HostCall call("acme", "queue acme", 0);
  skep_call* c = call.handle();
  EXPECT_EQ(c->ops->cancelled(c), 0);
  EXPECT_EQ(c->ops->deadline_ns(c), kNoEnd);
  const int before = c->ops->cancel_fd(c);
  EXPECT_FALSE(is_readable(before));
  call.cancel(ports::CancelReason::kReload);
  call.cancel(ports::CancelReason::kShutdown);
  EXPECT_EQ(c->ops->cancelled(c), SKEP_CANCEL_RELOAD);
  EXPECT_EQ(c->ops->cancel_fd(c), before);
  EXPECT_TRUE(is_readable(before));
  EXPECT_EQ(c->ops->wait(c, kNoEnd), SKEP_CANCEL_RELOAD);
}

TEST(HostCall, a_descriptor_that_is_asked_for_late_is_readable) {
  HostCall call("acme", "queue acme", 0);
  call.cancel(ports::CancelReason::kShutdown);
  EXPECT_TRUE(is_readable(call.handle()->ops->cancel_fd(call.handle())));
}

TEST(HostCall, finds_out_that_its_time_is_up) {
  HostCall call("acme", "queue acme", SystemClock().mono_ms());
  skep_call* c = call.handle();
  EXPECT_EQ(c->ops->wait(c, kNoEnd), SKEP_CANCEL_DEADLINE);
  EXPECT_TRUE(is_readable(c->ops->cancel_fd(c)));
}

TEST(HostCall, wakes_who_waits) {
  HostCall call("acme", "queue acme", 0);
  std::thread waiter([&] {
    EXPECT_EQ(call.handle()->ops->wait(call.handle(), kNoEnd), SKEP_CANCEL_SHUTDOWN);
  });
  call.cancel(ports::CancelReason::kShutdown);
  waiter.join();
}

TEST(HostCall, what_belongs_to_tasks_is_refused) {
  HostCall call("acme", "queue acme", 0);
  skep_call* c = call.handle();
  EXPECT_EQ(c->ops->emit(c, 1, {"x", 1}), SKEP_E_STATE);
  EXPECT_EQ(c->ops->progress(c, 1, {"x", 1}), SKEP_E_STATE);
  EXPECT_EQ(c->ops->fail(c, SKEP_E_BUSY, 1, {"x", 1}), SKEP_E_STATE);
}

}  // namespace
}  // namespace skep::plugin
