// What keeps this worker from its work: a full disk, a folder that is gone, too few descriptors.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

namespace skep::worker {

struct HealthHooks {
  std::function<void()> changed;             ///< a trouble or a notice came or went
  std::function<void()> withheld_changed{};  ///< so did one of withheld()
};

/// While it has a trouble the worker takes no tasks; a notice keeps it from none, or from those of
/// one type. The beat carries both to the control plane. Nothing has to be done once they are gone.
/// [any]
class Health {
 public:
  /// The hooks are called without a lock.
  Health(Clock& clock, Millis first_rest, HealthHooks hooks)
      : clock_(clock), first_rest_(first_rest), hooks_(std::move(hooks)) {}

  /// Something that is looked at again and again; "" = it is well. The log says `effect`.
  void set(std::string_view source, std::string_view trouble,
           std::string_view effect = "no task is claimed until it is gone");
  /// A task of this type could not run here, whatever it was: a trouble for `first_rest`, twice as
  /// long each time that it comes back before one worked, a minute at most.
  void failed(const std::string& type, std::string_view trouble);
  /// Tasks of this type cannot begin here, those of others can: a notice, and the type is withheld,
  /// as long as failed() rests and at least for `at_least`.
  void withhold(const std::string& type, std::string_view trouble, Millis at_least);
  /// One ran: what it could not do before, it can.
  void worked(const std::string& type);
  /// Ends the rests that are over, and says so.
  void look();

  /// A type failed a moment ago: no task is claimed.
  bool resting();
  /// The types that are not offered now.
  std::set<std::string> withheld() const;
  /// Something failed that has not worked since: one task will show.
  bool unproven() const { return unproven_ > 0; }
  std::vector<std::string> troubles() const;
  std::vector<std::string> notices() const;

 private:
  struct Trouble {
    std::string text;
    MonoMs until = 0;  ///< 0 = until it is set to ""
    int times = 0;
    bool over = false;      ///< and somebody was told
    bool withheld = false;  ///< others of the worker's types go on
  };
  struct Failure;
  void rest(const std::string& type, const Failure& failure);
  void count_unproven() SKEP_REQUIRES(mutex_);
  void resting_texts(bool withheld, std::vector<std::string>& out) const SKEP_REQUIRES(mutex_);

  Clock& clock_;
  const Millis first_rest_;
  const HealthHooks hooks_;
  std::atomic<int> unproven_{0};
  std::atomic<bool> any_{false};  ///< in types_
  mutable Mutex mutex_;
  std::map<std::string, Trouble, std::less<>> levels_ SKEP_GUARDED_BY(mutex_);  ///< by source
  std::map<std::string, Trouble, std::less<>> types_ SKEP_GUARDED_BY(mutex_);   ///< by type
};

}  // namespace skep::worker
