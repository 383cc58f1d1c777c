// The thread that starts all children and reaps those that nobody else does.
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/proc/guard.hpp"
#include "core/proc/launch.hpp"

namespace skep::proc {
namespace {

class Spawner {
 public:
  Spawner() {
    sigset_t all, before;
    sigfillset(&all);
    // The child starts with this thread's mask: no handler of ours may run in it.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { loop(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  Result<Child> launch(const Launch& request) {
    Job job{&request};
    MutexLock lock(mutex_);
    jobs_.push_back(&job);
    wake_.notify_one();
    while (!job.done) job.finished.wait(lock);
    return std::move(job.result);
  }

  void watch(int change) {
    const MutexLock lock(mutex_);
    watched_ += change;
    adopted_ = true;  // perhaps: the next look tells
    if (change > 0 && watched_ == 1) wake_.notify_one();
  }

  void abandon(Child child) {
    const MutexLock lock(mutex_);
    abandoned_.push_back(std::move(child));
    wake_.notify_one();
  }

 private:
  struct Job {
    const Launch* request;
    Result<Child> result{internal_error("not started")};
    CondVar finished{};
    bool done = false;  ///< under the spawner's mutex_
  };

  [[noreturn]] void loop() {
    pthread_setname_np(pthread_self(), "skep-spawner");
    adopt_orphans();
    for (;;) {
      if (Job* job = next()) {
        if (marks(Kin::kTask).holds(job->request->mark)) guard_.ensure();
        job->result = launch_here(*job->request);
        finish(*job);
      } else {
        bury();
      }
    }
  }

  /// The waiter destroys the job as soon as it has the lock, so it is told under it.
  void finish(Job& job) {
    const MutexLock lock(mutex_);
    job.done = true;
    job.finished.notify_one();
  }

  /// The next job, or null when it is time to bury.
  Job* next() {
    MutexLock lock(mutex_);
    while (jobs_.empty() && watched_ == 0 && !adopted_ && abandoned_.empty()) wake_.wait(lock);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (jobs_.empty() && wake_.wait_until(lock, until)) {
    }
    if (jobs_.empty()) return nullptr;
    Job* job = jobs_.front();
    jobs_.pop_front();
    return job;
  }

  void bury() {
    bury_adopted();
    const bool more = has_adopted();
    const MutexLock lock(mutex_);
    adopted_ = more;
    std::erase_if(abandoned_,
                  [](const Child& child) { return waitpid(child.pid, nullptr, WNOHANG) != 0; });
  }

  Mutex mutex_;
  CondVar wake_;
  std::deque<Job*> jobs_ SKEP_GUARDED_BY(mutex_);
  std::vector<Child> abandoned_ SKEP_GUARDED_BY(mutex_);
  int watched_ SKEP_GUARDED_BY(mutex_) = 0;
  bool adopted_ SKEP_GUARDED_BY(mutex_) = false;
  GuardKeeper guard_;  // the spawner's thread only
};

/// Never destroyed: PR_SET_PDEATHSIG fires when the thread that forked ends, not the process.
Spawner& spawner() {
  static Spawner& instance = *new Spawner;
  return instance;
}

}  // namespace

Result<Child> launch(const Launch& request) { return spawner().launch(request); }

void abandon(Child child) { spawner().abandon(std::move(child)); }

void watch_children(int change) { spawner().watch(change); }

}  // namespace skep::proc
