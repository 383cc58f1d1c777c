// Now, as far as it is believed when something is to be deleted for its age.
//
// A wall clock that is set ahead by mistake must not delete history. So time goes on from where it
// was last: also over a restart, where it cannot be told from a long stop. A jump of more than an
// hour is believed when the clock has stood by it for a day.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

/// [any]
class SettledTime {
 public:
  /// Both must outlive it.
  SettledTime(ports::Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  static std::vector<std::string> migrations();
  /// The wall clock, or earlier. Written down about once a minute; an error when that fails.
  Result<WallMs> now();
  /// The same, without writing anything down.
  Result<WallMs> peek();

 private:
  Status recall() SKEP_REQUIRES(mutex_);
  void go_on() SKEP_REQUIRES(mutex_);
  Status keep() SKEP_REQUIRES(mutex_);

  ports::Store& store_;
  const Clock& clock_;
  Mutex mutex_;
  std::optional<WallMs> believed_ SKEP_GUARDED_BY(mutex_);
  MonoMs at_ SKEP_GUARDED_BY(mutex_) = 0;  ///< of believed_
  std::optional<MonoMs> doubted_since_ SKEP_GUARDED_BY(mutex_);
  WallMs kept_ SKEP_GUARDED_BY(mutex_) = 0;
};

}  // namespace skep::control
