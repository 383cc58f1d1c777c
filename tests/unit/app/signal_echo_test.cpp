#include "core/app/signal_echo.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace skep::app {
namespace {

TEST(SignalEcho, is_the_same_signal_of_the_same_process_in_a_moment) {  // O7
  SignalEcho echo;
  EXPECT_FALSE(echo.is_echo(SIGTERM, 7, 1'000));
  EXPECT_TRUE(echo.is_echo(SIGTERM, 7, 1'000));
  EXPECT_FALSE(echo.is_echo(SIGTERM, 7, 2'000)) << "somebody who asks again means it";
}

TEST(SignalEcho, is_none_of_another_process_or_another_signal) {
  SignalEcho echo;
  EXPECT_FALSE(echo.is_echo(SIGTERM, 7, 1'000));
  EXPECT_FALSE(echo.is_echo(SIGTERM, 8, 1'000));
  EXPECT_FALSE(echo.is_echo(SIGINT, 8, 1'000));
}

TEST(SignalEcho, is_none_of_a_terminal) {
  SignalEcho echo;
  EXPECT_FALSE(echo.is_echo(SIGINT, 0, 1'000));
  EXPECT_FALSE(echo.is_echo(SIGINT, 0, 1'000)) << "Ctrl-C twice";
}

}  // namespace
}  // namespace skep::app
