// Threads for calls into code that may never come back.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

/// Idle ones are used again, the last one first; one that has been idle for a while ends. There are
/// as many as calls were under way at once, and one more for each that was given up. [any]
class CallThreads {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit CallThreads(Millis idle);
  CallThreads(const CallThreads&) = delete;
  CallThreads& operator=(const CallThreads&) = delete;
  /// Idle threads end; those inside of a call go on and end after it.
  ~CallThreads();
  /// The one that all calls into plugins share; lives as long as the process.
  static CallThreads& shared();

  /// A thread for one call. Destroyed while that runs it gives it up. [one thread, but for wake()]
  class Hold {
   public:
    Hold(Hold&&) noexcept = default;
    Hold& operator=(Hold&&) = delete;
    ~Hold();

    /// Runs `call` on it. What that owns goes before anybody hears of its end. `late` runs after it
    /// should it end after give_up().
    void start(std::function<void()> call, std::function<void()> late);
    /// True when the call has ended; false at `until` or after wake().
    bool wait_until(TimePoint until);
    /// False when it has ended after all. Else it goes on with what it owns.
    bool give_up();
    /// Ends one wait_until(), also a coming one. [any]
    void wake();

   private:
    friend class CallThreads;
    struct Thread;
    Hold(CallThreads& owner, std::shared_ptr<Thread> thread);
    CallThreads* owner_;
    std::shared_ptr<Thread> thread_;
    bool started_ = false;
  };
  /// kUnavailable when the system has no thread left.
  Result<Hold> take();

  std::size_t idle() const;
  /// The kernel's ids of all of them.
  std::vector<pid_t> ids() const;

 private:
  using Thread = Hold::Thread;
  struct Pool;
  class Known;
  static void run(const std::shared_ptr<Pool>& pool, const std::shared_ptr<Thread>& thread);
  static void put_back(Pool& pool, std::shared_ptr<Thread> thread);

  /// In a process that was forked: the threads of the other one are not here.
  void begin_anew();

  std::shared_ptr<Pool> pool_;
};

/// Calls that were given up and have not ended: the process must end by _exit(). [any]
int given_up_calls();

}  // namespace skep::plugin
