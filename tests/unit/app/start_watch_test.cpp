// Each in a process of its own: the signals are for the whole of it.
#include "core/app/start_watch.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace skep::app {
namespace {

void block(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

bool is_pending(int number) {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, number) == 1;
}

class StartWatchTest : public testing::Test {
 protected:
  StartWatchTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(StartWatchTest, gives_a_start_that_hangs_up_after_a_signal) {
  const auto hang = [](int number) {
    block({SIGTERM, SIGINT, SIGHUP});
    const StartWatch watch(Millis{1}, [](int got) { ::_exit(got == SIGTERM ? 40 : 41); });
    ::kill(::getpid(), SIGHUP);  // no wish to end
    ::kill(::getpid(), number);
    for (;;) ::pause();
  };
  EXPECT_EXIT(hang(SIGTERM), testing::ExitedWithCode(40), "");
  EXPECT_EXIT(hang(SIGINT), testing::ExitedWithCode(41), "");
}

TEST_F(StartWatchTest, leaves_the_signal_to_a_start_that_ends) {
  const auto start = [] {
    block({SIGTERM});
    {
      const StartWatch watch(Millis{3'600'000}, [](int) { ::_exit(1); });
      ::kill(::getpid(), SIGTERM);
    }
    ::_exit(is_pending(SIGTERM) ? 0 : 2);
  };
  EXPECT_EXIT(start(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace skep::app
