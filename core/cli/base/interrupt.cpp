#include "core/cli/base/interrupt.hpp"

#include <algorithm>
#include <csignal>

namespace skep::cli {
namespace {

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

constexpr Millis kLook{50};

void on_signal(int) { flag.store(true); }

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  for (const int number : {SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
}

const std::atomic<bool>& interrupted() { return flag; }

void sleep_or_interrupt(Clock& clock, Millis d) {
  for (; d.count() > 0 && !interrupted(); d -= kLook) clock.sleep(std::min(d, kLook), {});
}

Error interruption() { return Error{Code::kCancelled, "interrupted", "interrupted"}; }

}  // namespace skep::cli
