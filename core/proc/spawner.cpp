// The threads that start all children and reap those that nobody else does.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/proc/ending.hpp"
#include "core/proc/guard.hpp"
#include "core/proc/launch.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::proc {
namespace {

constexpr Millis kBury{1'000};
/// A start that nobody took up for so long waits behind one that hangs.
constexpr Millis kLook{50};
constexpr int kMostThreads = 64;

class Spawner {
 public:
  Spawner() {
    const MutexLock lock(mutex_);
    add_thread();
  }

  Result<Child> launch(const Launch& request) {
    auto start = Start::prepare(request);
    if (!start) return start.error();
    const auto job = std::make_shared<Job>(std::move(*start));
    MutexLock lock(mutex_);
    jobs_.push_back(job);
    wake_.notify_one();
    while (!job->done) {
      if (job->finished.wait_for(lock, kLook) || job->done) continue;
      if (!job->taken && idle_ == 0) {
        if (threads_ == kMostThreads) return forget(job, too_many());
        add_thread();
      }
      if (const auto why = over(request)) return forget(job, late(*why, request));
    }
    return std::move(job->result);
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
  /// Its members are under the spawner's mutex_, but for `start`.
  struct Job {
    explicit Job(std::shared_ptr<Start> s) : start(std::move(s)) {}
    const std::shared_ptr<Start> start;
    Result<Child> result{internal_error("not started")};
    CondVar finished{};
    bool taken = false;
    bool done = false;
    bool forgotten = false;  ///< nobody waits for it
  };
  using JobRef = std::shared_ptr<Job>;

  static Error too_many() {
    return {Code::kBusy, std::to_string(kMostThreads) +
                             " starts of processes do not come about; see what they wait for: "
                             "a mount that does not answer?"};
  }

  static std::optional<Code> over(const Launch& request) {
    pollfd p{request.cancel_fd, POLLIN, 0};
    if (request.cancel_fd >= 0 && ::poll(&p, 1, 0) == 1) return Code::kCancelled;
    if (request.deadline != 0 && monotonic_ms() >= request.deadline) return Code::kDeadline;
    return std::nullopt;
  }

  static Error late(Code why, const Launch& request) {
    const std::string where = request.spec.cwd.empty() ? "" : " in \"" + request.spec.cwd + "\"";
    return {why, "\"" + request.spec.argv.front() + "\"" + where +
                     " did not start in time; does its mount answer?"};
  }

  Error forget(const JobRef& job, Error why) SKEP_REQUIRES(mutex_) {
    job->forgotten = true;
    std::erase(jobs_, job);
    job->start->give_up();
    return why;
  }

  void add_thread() SKEP_REQUIRES(mutex_) {
    ++threads_;
    sigset_t all, before;
    sigfillset(&all);
    // The child starts with this thread's mask: no handler of ours may run in it.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { loop(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  [[noreturn]] void loop() {
    pthread_setname_np(pthread_self(), "skep-spawner");
    adopt_orphans();
    for (;;) {
      if (const JobRef job = next())
        run(*job);
      else
        bury();
    }
  }

  void run(Job& job) {
    if (marks(Kin::kTask).holds(job.start->mark())) {
      const MutexLock lock(guard_mutex_);
      guard_.ensure();
    }
    auto result = job.start->run();
    const MutexLock lock(mutex_);
    job.done = true;
    job.finished.notify_one();
    if (!job.forgotten) {
      job.result = std::move(result);
    } else if (result) {
      signal_group(result->pid, SIGKILL);
      abandoned_.push_back(std::move(*result));
    }
  }

  /// The next job, or null when it is time to bury.
  JobRef next() {
    MutexLock lock(mutex_);
    ++idle_;
    while (jobs_.empty()) {
      if (on_duty_ || (watched_ == 0 && !adopted_ && abandoned_.empty())) {
        wake_.wait(lock);
        continue;
      }
      on_duty_ = true;
      const auto until = std::chrono::steady_clock::now() + kBury;
      while (jobs_.empty() && wake_.wait_until(lock, until)) {
      }
      on_duty_ = false;
      if (jobs_.empty()) break;
    }
    --idle_;
    if (jobs_.empty()) return nullptr;
    JobRef job = std::move(jobs_.front());
    jobs_.pop_front();
    job->taken = true;
    if (idle_ > 0) wake_.notify_one();  // for the duty
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
  std::deque<JobRef> jobs_ SKEP_GUARDED_BY(mutex_);
  std::vector<Child> abandoned_ SKEP_GUARDED_BY(mutex_);
  int threads_ SKEP_GUARDED_BY(mutex_) = 0;
  int idle_ SKEP_GUARDED_BY(mutex_) = 0;
  bool on_duty_ SKEP_GUARDED_BY(mutex_) = false;  ///< one of them sees to the dead
  int watched_ SKEP_GUARDED_BY(mutex_) = 0;
  bool adopted_ SKEP_GUARDED_BY(mutex_) = false;
  Mutex guard_mutex_;
  GuardKeeper guard_ SKEP_GUARDED_BY(guard_mutex_);
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
