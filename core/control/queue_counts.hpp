// How many tasks there are, for those who ask again and again. A queue may have to look at each
// task for that: it is asked once at a time, and for a tenth of the time at most.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/queue.hpp"

namespace skep::control {

/// [any]
class QueueCounts {
 public:
  struct Counted {
    std::shared_ptr<const std::vector<ports::TaskCount>> rows;
    Millis age{0};  ///< since the queue was asked for them
  };
  /// Both must outlive it.
  QueueCounts(ports::Queue& queue, const Clock& clock) : queue_(queue), clock_(clock) {}

  /// As old as ten times what counting takes, at most. What the queue says when it cannot count is
  /// the answer for as long. Waits while somebody else counts.
  Result<Counted> now();

 private:
  using Rows = std::shared_ptr<const std::vector<ports::TaskCount>>;
  Result<Rows> count() const;
  Result<Counted> known() const SKEP_REQUIRES(mutex_);

  ports::Queue& queue_;
  const Clock& clock_;
  mutable Mutex mutex_;
  CondVar counted_;
  bool counting_ SKEP_GUARDED_BY(mutex_) = false;
  std::optional<Result<Rows>> rows_ SKEP_GUARDED_BY(mutex_);
  MonoMs asked_at_ SKEP_GUARDED_BY(mutex_) = 0;
  MonoMs good_until_ SKEP_GUARDED_BY(mutex_) = 0;
};

}  // namespace skep::control
