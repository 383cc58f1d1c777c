// Runs claimed tasks on a number of slots.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/model/task.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::worker {

/// Hears of attempts, without any lock of the executor. Called on the slot's thread, for one that
/// never started on the thread that drops it; each attempt ends in exactly one finished() or
/// dropped().
class AttemptListener {
 public:
  virtual ~AttemptListener() = default;
  virtual void output(const model::Lease& lease, std::string_view stream,
                      std::string_view bytes) = 0;
  virtual void finished(const model::ClaimedTask& task, const model::Outcome& outcome) = 0;
  /// Interrupted by our own shutdown: it goes back to the queue and has no outcome.
  virtual void dropped(const model::ClaimedTask& task) = 0;
};

/// Takes an attempt back to the control plane.
using GiveBack = std::function<void(model::Lease)>;

struct ExecutorOptions {
  std::string worker_id;
  std::string site;
  int concurrency = 4;
  int batch_size = 8;
  /// Called when an attempt starts, on its slot's thread.
  std::function<void()> on_start;
  /// Hears how one ended that ran, on its slot's thread, before its listener does. Unless it is
  /// empty, this node could not run it, and what it returned takes it back on the same thread.
  std::function<GiveBack(const model::ClaimedTask&, const model::Outcome&)> on_end{};
  /// A process of an attempt that died of a signal: so long the node may still be told to stop.
  Millis moment{1'000};
};

struct ExecutorLoad {
  int slots = 0;  ///< concurrency
  int busy = 0;
  int waiting = 0;
  std::int64_t errors = 0;  ///< failed outcomes since start
};

/// [any]. Threads are made when they are first needed.
class Executor {
 public:
  /// Collaborators outlive the executor.
  Executor(ExecutorOptions options, ports::TaskRunner& runner, Clock& clock,
           AttemptListener& listener);
  /// Joins the slots; call stop() first.
  ~Executor();

  void submit(std::vector<model::ClaimedTask> tasks);

  /// More slots begin at once; with fewer, running tasks end first and waiting ones keep their
  /// place.
  void resize(int concurrency, int batch_size);
  /// Task types as they are now, for the timeouts of tasks that start from here on.
  void set_types(const std::vector<ports::TaskType>& types);

  /// Tasks that may be claimed now: free slots, and up to batch_size beyond them only while recent
  /// tasks took less than 50 ms, so that no task waits behind a slow one while a worker is idle.
  int capacity() const;
  /// Waits until capacity() is worth a claim; false when `timeout` passed or `stop` came first.
  bool wait_capacity(Millis timeout, std::stop_token stop);

  /// Every attempt held, with whether it runs.
  std::vector<ports::Renewal> held() const;
  std::vector<model::Lease> leases() const;
  ExecutorLoad load() const;
  /// When the oldest running attempt started that no beat has named as running; 0 = none.
  MonoMs oldest_unannounced() const;
  void announced(const std::vector<ports::Renewal>& renewals);

  /// Cancels the task's attempts, and drops those that have not started. False when none is held.
  bool cancel(const std::string& task_id, ports::CancelReason reason);
  /// The same for this attempt alone.
  bool cancel(const model::Lease& lease, ports::CancelReason reason);

  // Drain: close, take_waiting, wait_idle, cancel_running, wait_idle, take_interrupted, stop.
  /// The node was told to stop: what signals end from now on, and ended a moment ago, has been
  /// interrupted and has not failed.
  void close();
  /// Attempts that have not started; they are forgotten here.
  std::vector<model::Lease> take_waiting();
  void cancel_running(ports::CancelReason reason);
  /// True when nothing runs before `deadline` (monotonic) and before `hurry()` is true.
  bool wait_idle(MonoMs deadline, const std::function<bool()>& hurry);
  /// Attempts that our shutdown interrupted.
  std::vector<model::Lease> take_interrupted();
  /// Ends the slots. Returns how many still run a task that ignores its cancellation; their threads
  /// are left behind, so the process must end without destroying what they use.
  int stop();

 private:
  struct Attempt {
    model::ClaimedTask task;
    MonoMs claimed = 0;
    MonoMs started = 0;   ///< 0 = waits
    MonoMs deadline = 0;  ///< 0 = none
    bool announced = false;
    std::unique_ptr<ports::CancelToken> cancel;
  };
  using AttemptRef = std::shared_ptr<Attempt>;

  template <class Match>
  bool cancel_if(const Match& match, ports::CancelReason reason);
  void slot();
  AttemptRef next_attempt();
  void run(Attempt& attempt);
  bool is_interrupted(const Attempt& attempt, const model::Outcome& outcome);
  void retire(const Attempt& attempt, const model::Outcome& outcome, bool interrupted);
  void watch_deadlines();
  void drop(const std::vector<AttemptRef>& attempts);
  bool is_idle_within(Millis time);
  void arm_deadline(Attempt& attempt) SKEP_REQUIRES(mutex_);
  MonoMs cancel_overdue(MonoMs now) SKEP_REQUIRES(mutex_);
  int capacity_now() const SKEP_REQUIRES(mutex_);
  int worthwhile() const SKEP_REQUIRES(mutex_);
  bool is_quick() const SKEP_REQUIRES(mutex_) { return mean_ms_ >= 0 && mean_ms_ < kQuickMs; }
  bool is_surplus() const SKEP_REQUIRES(mutex_) {
    return static_cast<int>(threads_.size()) > concurrency_;
  }
  void add_threads() SKEP_REQUIRES(mutex_);
  bool leave_slot() SKEP_REQUIRES(mutex_);

  static constexpr double kQuickMs = 50;

  const ExecutorOptions options_;
  ports::TaskRunner& runner_;
  Clock& clock_;
  AttemptListener& listener_;

  mutable Mutex mutex_;
  int concurrency_ SKEP_GUARDED_BY(mutex_);
  int batch_size_ SKEP_GUARDED_BY(mutex_);
  std::map<std::string, std::int64_t> default_timeouts_ SKEP_GUARDED_BY(mutex_);  ///< by type
  CondVar work_;
  StoppableCondVar change_;  ///< an attempt ended or started
  CondVar deadline_change_;
  std::deque<AttemptRef> waiting_ SKEP_GUARDED_BY(mutex_);
  std::map<std::string, AttemptRef> running_ SKEP_GUARDED_BY(mutex_);  ///< by lease id
  std::vector<model::Lease> interrupted_ SKEP_GUARDED_BY(mutex_);
  std::map<std::thread::id, std::thread> threads_ SKEP_GUARDED_BY(mutex_);
  /// Threads that left their slot, to be joined.
  std::vector<std::thread> ended_ SKEP_GUARDED_BY(mutex_);
  std::thread deadline_thread_ SKEP_GUARDED_BY(mutex_);
  MonoMs earliest_deadline_ SKEP_GUARDED_BY(mutex_) = 0;
  int idle_threads_ SKEP_GUARDED_BY(mutex_) = 0;
  int watchers_ SKEP_GUARDED_BY(mutex_) = 0;  ///< who waits for change_
  double mean_ms_ SKEP_GUARDED_BY(mutex_) = -1;
  std::int64_t errors_ SKEP_GUARDED_BY(mutex_) = 0;
  bool closed_ SKEP_GUARDED_BY(mutex_) = false;
  bool stopping_ SKEP_GUARDED_BY(mutex_) = false;
};

}  // namespace skep::worker
