// What keeps this worker from its work: a full disk, a folder that is gone, too few descriptors.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

namespace skep::worker {

/// While it has a trouble the worker takes no tasks; the beat carries them to the control plane.
/// Nothing has to be done once a trouble is gone. [any]
class Health {
 public:
  /// `changed` is called when a trouble came or went, without a lock.
  Health(Clock& clock, Millis first_rest, std::function<void()> changed)
      : clock_(clock), first_rest_(first_rest), changed_(std::move(changed)) {}

  /// Something that is looked at again and again; "" = it is well. The log says `effect`.
  void set(std::string_view source, std::string_view trouble,
           std::string_view effect = "no task is claimed until it is gone");
  /// A task of this type could not run here, whatever it was: a trouble for `first_rest`, twice as
  /// long each time that it comes back before one worked, a minute at most.
  void failed(const std::string& type, std::string_view trouble);
  /// One ran: what it could not do before, it can.
  void worked(const std::string& type);

  /// A type failed a moment ago: no task is claimed.
  bool resting();
  /// Something failed that has not worked since: one task will show.
  bool unproven() const { return unproven_ > 0; }
  std::vector<std::string> troubles() const;

 private:
  struct Trouble {
    std::string text;
    MonoMs until = 0;  ///< 0 = until it is set to ""
    int times = 0;
    bool over = false;  ///< and somebody was told
  };

  Clock& clock_;
  const Millis first_rest_;
  const std::function<void()> changed_;
  std::atomic<int> unproven_{0};
  mutable Mutex mutex_;
  std::map<std::string, Trouble, std::less<>> levels_ SKEP_GUARDED_BY(mutex_);  ///< by source
  std::map<std::string, Trouble, std::less<>> types_ SKEP_GUARDED_BY(mutex_);   ///< by type
};

}  // namespace skep::worker
