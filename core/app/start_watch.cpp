#include "core/app/start_watch.hpp"

#include <signal.h>

#include <utility>

namespace skep::app {
namespace {

constexpr Millis kBetweenLooks{100};

/// The one that waits for this process, 0 = none.
int waiting_signal() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  for (const int number : {SIGTERM, SIGINT})
    if (sigismember(&pending, number) == 1) return number;
  return 0;
}

}  // namespace

StartWatch::StartWatch(Millis patience, std::function<void(int)> give_up)
    : Service("skep-start"), patience_(patience), give_up_(std::move(give_up)) {
  start();
}

StartWatch::~StartWatch() { stop(); }

void StartWatch::run(std::stop_token stop) {
  const SystemClock clock;
  MonoMs quiet = clock.mono_ms();  // the last look without a signal
  while (!stop.stop_requested()) {
    const int number = waiting_signal();
    const MonoMs now = clock.mono_ms();
    if (number == 0) quiet = now;
    if (number != 0 && now - quiet >= patience_.count()) give_up_(number);
    MutexLock lock(mutex_);
    ended_.wait_for(lock, stop, kBetweenLooks);
  }
}

}  // namespace skep::app
