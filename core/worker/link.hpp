// What the loops of one worker know together about their control plane.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

#include "core/api/wire.hpp"
#include "core/base/clock.hpp"

namespace skep::worker {

/// [any]
class Link {
 public:
  /// `on_conflict` is called once, when a newer process turns out to own this worker's id.
  explicit Link(std::function<void()> on_conflict) : on_conflict_(std::move(on_conflict)) {}

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
  template <class Change>
  void change(Change&& apply);

  const std::function<void()> on_conflict_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t generation_ = 0;
  bool registered_ = false;
  bool up_ = true;
  bool conflicted_ = false;
  api::WorkerMode mode_ = api::WorkerMode::kActive;
};

}  // namespace skep::worker
