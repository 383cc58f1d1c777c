// Which signal is a new wish, and which only says the last one again.
#pragma once

#include <sys/types.h>

#include "core/base/clock.hpp"

namespace skep::app {

/// `timeout`, and service managers that stop a whole group, send their signal to the process and to
/// its group: one wish that arrives twice. One thread.
class SignalEcho {
 public:
  /// `sender` is the process that sent it, 0 = the kernel, as for Ctrl-C.
  bool is_echo(int number, pid_t sender, MonoMs now) {
    const bool echo = sender != 0 && number == number_ && sender == sender_ && now - at_ < kMoment;
    number_ = number;
    sender_ = sender;
    at_ = now;
    return echo;
  }

 private:
  static constexpr MonoMs kMoment = 250;

  int number_ = 0;
  pid_t sender_ = 0;
  MonoMs at_ = 0;
};

}  // namespace skep::app
