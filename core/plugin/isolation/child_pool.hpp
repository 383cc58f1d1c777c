// The children of one group: who is free, who is busy, who may start, who has idled too long.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/plugin/isolation/child.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "core/plugin/isolation/start_backoff.hpp"

namespace skep::plugin {

/// [any]
class ChildPool {
 public:
  explicit ChildPool(ChildPlugin plugin);
  ChildPool(const ChildPool&) = delete;
  ChildPool& operator=(const ChildPool&) = delete;
  ~ChildPool();

  const ChildPlugin& plugin() const { return plugin_; }
  /// A child for one request: the one that was used last, or a new one. kUnavailable with the time
  /// to wait after children that did not start, and after stop(); given up as Child::start() is.
  Result<std::unique_ptr<Child>> take(const proc::CallControl& call = {});
  /// Gives it back. One that is over or worn, or served its only task, ends.
  void give_back(std::unique_ptr<Child> child);
  /// Has free children forget the script, one after the other; busy ones do when they come back.
  void drop_script(std::string_view id);
  void keep_script(std::string_view id);
  ChildStats stats() const;
  void stop(Millis grace);

 private:
  struct Idle {
    std::unique_ptr<Child> child;
    MonoMs since = 0;
  };
  /// Null when there is none; kUnavailable when no new one may start either.
  Result<std::unique_ptr<Child>> pop_idle();
  Result<std::unique_ptr<Child>> start_one(const proc::CallControl& call);
  void count_failure(MonoMs began, const Error& error) SKEP_REQUIRES(mutex_);
  void no_longer_busy(const Child& child) SKEP_REQUIRES(mutex_);
  void count_end(const Child& child) SKEP_REQUIRES(mutex_);
  std::vector<std::string> dropped_in(const Child& child) const SKEP_REQUIRES(mutex_);
  /// A free child that must be told; null when none is left.
  std::unique_ptr<Child> take_one_that_knows(std::string_view dropped);
  void expire(std::stop_token stop);
  std::vector<Idle> take_expired(MutexLock& lock, const std::stop_token& stop)
      SKEP_REQUIRES(mutex_);

  const ChildPlugin plugin_;
  const KeptCopy copy_;
  mutable Mutex mutex_;
  StoppableCondVar spare_;                          ///< more idle children than one, for expiry_
  CondVar freed_;                                   ///< nobody is busy any more, for stop()
  std::vector<Idle> idle_ SKEP_GUARDED_BY(mutex_);  ///< the last is the warmest
  std::vector<Child*> busy_ SKEP_GUARDED_BY(mutex_);
  /// That children may know.
  std::set<std::string, std::less<>> scripts_ SKEP_GUARDED_BY(mutex_);
  StartBackoff backoff_ SKEP_GUARDED_BY(mutex_);
  ChildStats stats_ SKEP_GUARDED_BY(mutex_);
  bool stopped_ SKEP_GUARDED_BY(mutex_) = false;
  std::jthread expiry_;
};

}  // namespace skep::plugin
