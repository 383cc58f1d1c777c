#include "core/plugin/patience.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "core/base/mutex.hpp"

namespace skep::plugin {
namespace {

std::atomic<int> g_given_up{0};

struct Run {
  Mutex mutex;
  CondVar ended;
  bool done SKEP_GUARDED_BY(mutex) = false;
  bool given_up SKEP_GUARDED_BY(mutex) = false;
};

/// True when somebody waited for it.
bool finish(Run& run) {
  const MutexLock lock(run.mutex);
  run.done = true;
  run.ended.notify_all();
  return !run.given_up;
}

bool wait(Run& run, Millis limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  MutexLock lock(run.mutex);
  while (!run.done && run.ended.wait_until(lock, until)) {
  }
  run.given_up = !run.done;
  if (run.given_up) ++g_given_up;
  return run.done;
}

}  // namespace

bool run_patiently(std::function<void()> call, Millis limit, std::function<void()> late) {
  if (limit.count() == 0) {
    call();
    return true;
  }
  const auto run = std::make_shared<Run>();
  std::thread thread([run, call = std::move(call), late = std::move(late)]() mutable {
    pthread_setname_np(pthread_self(), "skep-plugin");
    call();
    if (finish(*run)) return;
    if (late) late();
    call = {};
    late = {};
    --g_given_up;
  });
  const bool ended = wait(*run, limit);
  if (ended)
    thread.join();
  else
    thread.detach();
  return ended;
}

int given_up_calls() { return g_given_up; }

}  // namespace skep::plugin
