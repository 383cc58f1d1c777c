// How much a worker may leave here of tasks that this control plane does not know.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

namespace skep::control {

/// Results and output of unknown tasks are kept: the queue may be an older copy. A worker that
/// invents tasks must not fill the disk with them, so each has an account that a day empties. It
/// begins anew with the process. [any]
class UnknownOutput {
 public:
  struct Limits {
    double items = 10'000;
    double bytes = 64.0 * 1024 * 1024;
  };
  UnknownOutput() = default;
  explicit UnknownOutput(Limits limits) : limits_(limits) {}

  const Limits& limits() const { return limits_; }
  bool is_full(const std::string& worker_id, MonoMs now);
  void add(const std::string& worker_id, std::size_t bytes, MonoMs now);

 private:
  struct Account {
    double items = 0;
    double bytes = 0;
    MonoMs at = 0;
  };
  /// As it is now; forgotten when it is empty.
  Account look(const std::string& worker_id, MonoMs now) SKEP_REQUIRES(mutex_);

  const Limits limits_{};
  Mutex mutex_;
  std::map<std::string, Account> accounts_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::control
