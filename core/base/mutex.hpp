// Locks that clang checks: which lock guards which member is written beside the member, and
// `./dev check` compiles everything with -Wthread-safety. g++ sees plain mutexes.
//
// Write `T member_ SKEP_GUARDED_BY(mutex_);` beside each member, and SKEP_REQUIRES(mutex_) after a
// private function that expects the lock. A wait is a loop, so that the checker sees the condition
// under its lock:
//
//   MutexLock lock(mutex_);
//   while (!ready_ && !stop.stop_requested()) changed_.wait(lock, stop);
//
// Source: the conventions of clang's documentation, "Thread Safety Analysis", mutex.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <stop_token>
#include <utility>

#if defined(__clang__)
#define SKEP_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define SKEP_THREAD_ATTRIBUTE(x)
#endif

#define SKEP_CAPABILITY(x) SKEP_THREAD_ATTRIBUTE(capability(x))
#define SKEP_SCOPED_CAPABILITY SKEP_THREAD_ATTRIBUTE(scoped_lockable)
#define SKEP_GUARDED_BY(x) SKEP_THREAD_ATTRIBUTE(guarded_by(x))
#define SKEP_PT_GUARDED_BY(x) SKEP_THREAD_ATTRIBUTE(pt_guarded_by(x))
#define SKEP_REQUIRES(...) SKEP_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define SKEP_REQUIRES_SHARED(...) SKEP_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define SKEP_EXCLUDES(...) SKEP_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define SKEP_ACQUIRE(...) SKEP_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define SKEP_ACQUIRE_SHARED(...) SKEP_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define SKEP_RELEASE(...) SKEP_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define SKEP_RELEASE_SHARED(...) SKEP_THREAD_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define SKEP_TRY_ACQUIRE(...) SKEP_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define SKEP_RETURN_CAPABILITY(x) SKEP_THREAD_ATTRIBUTE(lock_returned(x))
/// For the few functions that the checker cannot follow; each use says why.
#define SKEP_NO_THREAD_SAFETY_ANALYSIS SKEP_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace skep {

class SKEP_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() SKEP_ACQUIRE() { mutex_.lock(); }
  void unlock() SKEP_RELEASE() { mutex_.unlock(); }
  bool try_lock() SKEP_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a mutex for a scope; may be let go and taken again in between.
class SKEP_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SKEP_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() SKEP_RELEASE() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  void unlock() SKEP_RELEASE() { lock_.unlock(); }
  void lock() SKEP_ACQUIRE() { lock_.lock(); }

 private:
  friend class CondVar;
  friend class StoppableCondVar;
  std::unique_lock<std::mutex> lock_;
};

/// Waits may end without a notification: always wait in a loop that asks the condition.
class CondVar {
 public:
  void wait(MutexLock& lock) { cv_.wait(lock.lock_); }
  /// False when the time came first.
  template <class Clock, class Duration>
  bool wait_until(MutexLock& lock, const std::chrono::time_point<Clock, Duration>& when) {
    return cv_.wait_until(lock.lock_, when) == std::cv_status::no_timeout;
  }
  template <class Rep, class Period>
  bool wait_for(MutexLock& lock, const std::chrono::duration<Rep, Period>& time) {
    return cv_.wait_for(lock.lock_, time) == std::cv_status::no_timeout;
  }
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

/// A CondVar whose waits a stop token ends, too. Costs a lock more: use CondVar where nobody stops.
class StoppableCondVar {
 public:
  /// Returns after a notification, a stop, or for no reason; at once when stopped already.
  void wait(MutexLock& lock, const std::stop_token& stop) {
    bool woken = false;
    cv_.wait(lock.lock_, stop, [&woken] { return std::exchange(woken, true); });
  }
  void wait(MutexLock& lock) { cv_.wait(lock.lock_); }
  /// False when the time came first or a stop was requested.
  template <class Clock, class Duration>
  bool wait_until(MutexLock& lock, const std::stop_token& stop,
                  const std::chrono::time_point<Clock, Duration>& when) {
    bool woken = false;
    cv_.wait_until(lock.lock_, stop, when, [&woken] { return std::exchange(woken, true); });
    return !stop.stop_requested() && Clock::now() < when;
  }
  template <class Rep, class Period>
  bool wait_for(MutexLock& lock, const std::stop_token& stop,
                const std::chrono::duration<Rep, Period>& time) {
    return wait_until(lock, stop, std::chrono::steady_clock::now() + time);
  }
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

 private:
  std::condition_variable_any cv_;
};

class SKEP_CAPABILITY("mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;
  void lock() SKEP_ACQUIRE() { mutex_.lock(); }
  void unlock() SKEP_RELEASE() { mutex_.unlock(); }
  void lock_shared() SKEP_ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() SKEP_RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class SKEP_SCOPED_CAPABILITY WriteLock {
 public:
  explicit WriteLock(SharedMutex& mutex) SKEP_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~WriteLock() SKEP_RELEASE() { mutex_.unlock(); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class SKEP_SCOPED_CAPABILITY ReadLock {
 public:
  explicit ReadLock(SharedMutex& mutex) SKEP_ACQUIRE_SHARED(mutex) : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~ReadLock() SKEP_RELEASE() { mutex_.unlock_shared(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace skep
