#include "core/cli/base/interrupt.hpp"

#include <csignal>

namespace skep::cli {
namespace {

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

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

Error interruption() { return Error{Code::kCancelled, "interrupted", "interrupted"}; }

}  // namespace skep::cli
