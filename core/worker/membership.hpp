// What the loops of one worker know together about their control plane.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "core/api/wire.hpp"
#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

namespace skep::worker {

/// [any]
class Membership {
 public:
  /// `on_conflict` is called once, when a newer process turns out to own this worker's id.
  explicit Membership(std::function<void()> on_conflict) : on_conflict_(std::move(on_conflict)) {}

  bool registered() const;
  void set_registered(bool registered);
  /// The last exchange got an answer; also true before the first one.
  bool up() const;
  /// The control plane answered: loops that back off try again at once.
  void reached();
  void lost();
  api::WorkerMode mode() const;
  void set_mode(api::WorkerMode mode);
  bool conflicted() const;
  void conflict(const std::string& detail);
  /// Claims may go out: registered, active, no conflict.
  bool may_claim() const;

  /// Sleeps until something above changes, `d` passes or `stop` is requested.
  void wait_change(Millis d, std::stop_token stop);
  /// Ends a current wait_change() of every loop.
  void wake();

 private:
  void changed() SKEP_REQUIRES(mutex_);

  const std::function<void()> on_conflict_;
  mutable Mutex mutex_;
  StoppableCondVar change_;
  std::uint64_t changes_ SKEP_GUARDED_BY(mutex_) = 0;
  bool registered_ SKEP_GUARDED_BY(mutex_) = false;
  bool up_ SKEP_GUARDED_BY(mutex_) = true;
  bool conflicted_ SKEP_GUARDED_BY(mutex_) = false;
  api::WorkerMode mode_ SKEP_GUARDED_BY(mutex_) = api::WorkerMode::kActive;
};

}  // namespace skep::worker
