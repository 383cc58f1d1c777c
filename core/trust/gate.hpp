// The policy in force, which may become stricter while the node runs.
#pragma once

#include <memory>

#include "core/base/mutex.hpp"
#include "core/trust/judge.hpp"

namespace skep::trust {

/// Safe from any thread.
class Gate {
 public:
  explicit Gate(Settings settings);

  /// admit() under the settings in force.
  Status admit(const Candidate& candidate) const;
  /// kState, and nothing changes, when the new settings would admit more than those in force. What
  /// is loaded already stays.
  Status tighten(Settings settings);

 private:
  std::shared_ptr<const Settings> settings() const;

  mutable Mutex mutex_;
  std::shared_ptr<const Settings> settings_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::trust
