// The children of one group: who is free, who is busy, who may start, who has idled too long.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

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
  /// Gives it back. One that is over, or served its only task, ends.
  void give_back(std::unique_ptr<Child> child);
  /// Has free children forget the script; busy ones do when they come back.
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
  void count_failure(MonoMs began, const Error& error);
  void no_longer_busy(const Child& child);
  void count_end(const Child& child);
  void forget_dropped(Child& child);
  void expire(std::stop_token stop);
  std::vector<Idle> take_expired(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);

  const ChildPlugin plugin_;
  mutable std::mutex mutex_;           ///< guards everything below
  std::condition_variable_any spare_;  ///< more idle children than one, for expiry_
  std::condition_variable freed_;      ///< nobody is busy any more, for stop()
  std::vector<Idle> idle_;             ///< the last is the warmest
  std::vector<Child*> busy_;
  std::set<std::string, std::less<>> scripts_;  ///< that children may know
  StartBackoff backoff_;
  ChildStats stats_;
  bool stopped_ = false;
  std::jthread expiry_;
};

}  // namespace skep::plugin
