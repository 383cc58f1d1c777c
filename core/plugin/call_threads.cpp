#include "core/plugin/call_threads.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <utility>

namespace skep::plugin {
namespace {

std::atomic<int> g_given_up{0};

constexpr Millis kIdle{30'000};

}  // namespace

/// Its owner waits on the same pair as it does: never both at once.
struct CallThreads::Hold::Thread {
  Mutex mutex;
  CondVar changed;
  std::function<void()> call SKEP_GUARDED_BY(mutex);  ///< empty = it waits for one
  std::function<void()> late SKEP_GUARDED_BY(mutex);
  bool done SKEP_GUARDED_BY(mutex) = false;
  bool woken SKEP_GUARDED_BY(mutex) = false;
  bool given_up SKEP_GUARDED_BY(mutex) = false;
  bool over SKEP_GUARDED_BY(mutex) = false;  ///< it ends

  enum class Next : std::uint8_t { kCall, kIdle, kEnd };
  Next next(Millis idle, std::function<void()>& out) {
    const auto until = std::chrono::steady_clock::now() + idle;
    MutexLock lock(mutex);
    bool in_time = true;
    while (!call && !over && in_time) in_time = changed.wait_until(lock, until);
    if (call) {
      out = std::exchange(call, nullptr);
      return Next::kCall;
    }
    return over ? Next::kEnd : Next::kIdle;
  }
  /// What runs now that nobody waits for the call; empty when somebody does.
  std::function<void()> finish() {
    MutexLock lock(mutex);
    if (given_up) {
      given_up = false;
      return std::exchange(late, nullptr);
    }
    done = true;
    lock.unlock();
    changed.notify_all();
    return {};
  }
  void end() {
    {
      const MutexLock lock(mutex);
      over = true;
    }
    changed.notify_all();
  }
};

struct CallThreads::Pool {
  explicit Pool(Millis i) : idle(i) {}
  const Millis idle;
  mutable Mutex mutex;
  std::vector<std::shared_ptr<Thread>> free SKEP_GUARDED_BY(mutex);
  std::vector<pid_t> ids SKEP_GUARDED_BY(mutex);
  bool closed SKEP_GUARDED_BY(mutex) = false;

  /// False when somebody has just taken it.
  bool remove(const std::shared_ptr<Thread>& thread) {
    const MutexLock lock(mutex);
    return std::erase(free, thread) > 0;
  }
};

CallThreads::CallThreads(Millis idle) : pool_(std::make_shared<Pool>(idle)) {}

CallThreads::~CallThreads() {
  std::vector<std::shared_ptr<Thread>> last;
  {
    const MutexLock lock(pool_->mutex);
    pool_->closed = true;
    last.swap(pool_->free);
  }
  for (const auto& thread : last) thread->end();
}

CallThreads& CallThreads::shared() {
  static auto* threads = [] {
    auto* all = new CallThreads(kIdle);  // they may outlive main()
    ::pthread_atfork(nullptr, nullptr, [] { shared().begin_anew(); });
    return all;
  }();
  return *threads;
}

void CallThreads::begin_anew() {
  // Not destroyed: what waited in it, or held its lock, never ends here.
  [[maybe_unused]] static auto* former = new std::shared_ptr<Pool>(pool_);
  pool_ = std::make_shared<Pool>((*former)->idle);
}

std::size_t CallThreads::idle() const {
  const MutexLock lock(pool_->mutex);
  return pool_->free.size();
}

void CallThreads::put_back(Pool& pool, std::shared_ptr<Thread> thread) {
  {
    const MutexLock lock(pool.mutex);
    if (!pool.closed) return pool.free.push_back(std::move(thread));
  }
  thread->end();
}

std::vector<pid_t> CallThreads::ids() const {
  const MutexLock lock(pool_->mutex);
  return pool_->ids;
}

/// While a thread lives it is known by its id.
class CallThreads::Known {
 public:
  explicit Known(Pool& pool) : pool_(pool) {
    const MutexLock lock(pool_.mutex);
    pool_.ids.push_back(id_);
  }
  ~Known() {
    const MutexLock lock(pool_.mutex);
    std::erase(pool_.ids, id_);
  }
  Known(const Known&) = delete;
  Known& operator=(const Known&) = delete;

 private:
  Pool& pool_;
  const pid_t id_ = ::gettid();
};

void CallThreads::run(const std::shared_ptr<Pool>& pool, const std::shared_ptr<Thread>& thread) {
  const Known known(*pool);
  for (;;) {
    std::function<void()> call;
    const auto next = thread->next(pool->idle, call);
    if (next == Thread::Next::kEnd) return;
    if (next == Thread::Next::kIdle) {
      if (pool->remove(thread)) return;
      continue;
    }
    call();
    call = {};
    if (auto late = thread->finish()) {
      late();
      late = {};
      --g_given_up;
      put_back(*pool, thread);
    }
  }
}

Result<CallThreads::Hold> CallThreads::take() {
  {
    const MutexLock lock(pool_->mutex);
    if (!pool_->free.empty()) {
      auto thread = std::move(pool_->free.back());
      pool_->free.pop_back();
      return Hold(*this, std::move(thread));
    }
  }
  auto thread = std::make_shared<Thread>();
  try {
    std::thread([pool = pool_, thread] {
      pthread_setname_np(pthread_self(), "skep-call");
      run(pool, thread);
    }).detach();
  } catch (const std::system_error& e) {
    return unavailable(std::string("no thread is left for the call: ") + e.what());
  }
  return Hold(*this, std::move(thread));
}

CallThreads::Hold::Hold(CallThreads& owner, std::shared_ptr<Thread> thread)
    : owner_(&owner), thread_(std::move(thread)) {}

CallThreads::Hold::~Hold() {
  if (!thread_ || (started_ && give_up())) return;
  put_back(*owner_->pool_, std::move(thread_));
}

void CallThreads::Hold::start(std::function<void()> call, std::function<void()> late) {
  {
    const MutexLock lock(thread_->mutex);
    thread_->done = false;
    thread_->call = std::move(call);
    thread_->late = std::move(late);
  }
  started_ = true;
  thread_->changed.notify_all();
}

bool CallThreads::Hold::wait_until(TimePoint until) {
  std::function<void()> unneeded;  // goes without the lock
  MutexLock lock(thread_->mutex);
  const bool bounded = until != TimePoint::max();
  bool in_time = true;
  while (!thread_->done && !thread_->woken && in_time) {
    if (bounded)
      in_time = thread_->changed.wait_until(lock, until);
    else
      thread_->changed.wait(lock);
  }
  thread_->woken = false;
  if (!thread_->done) return false;
  unneeded.swap(thread_->late);
  started_ = false;
  lock.unlock();
  return true;
}

bool CallThreads::Hold::give_up() {
  std::function<void()> unneeded;  // goes without the lock
  started_ = false;
  {
    const MutexLock lock(thread_->mutex);
    if (thread_->done) {
      unneeded.swap(thread_->late);
      return false;
    }
    thread_->given_up = true;
    ++g_given_up;
  }
  thread_.reset();
  return true;
}

void CallThreads::Hold::wake() {
  {
    const MutexLock lock(thread_->mutex);
    thread_->woken = true;
  }
  thread_->changed.notify_all();
}

int given_up_calls() { return g_given_up; }

}  // namespace skep::plugin
