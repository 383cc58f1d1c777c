// Calls into one generation that were given up and have not come back.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/error.hpp"
#include "core/base/mutex.hpp"

namespace skep::plugin {

/// By component. [any]
class HungCalls {
 public:
  /// Of one component: no further call is made then. So that many threads are lost to it at most,
  /// or as many as callers were inside at once.
  static constexpr int kMost = 16;

  struct Hang {
    std::string component;  ///< "queue sqlite"
    std::string call;       ///< the first of them: "enqueue"
    MonoMs since = 0;       ///< when that was made
    int calls = 0;

    /// "queue sqlite: enqueue has not answered for 12 s; 3 calls are inside"
    std::string text(MonoMs now) const;
  };

  /// True when it is the first of this component.
  bool add(std::string_view component, std::string_view call, MonoMs since);
  /// One has come back; true when it was the last of this component.
  bool remove(std::string_view component);
  std::optional<Hang> of(std::string_view component) const;
  std::vector<Hang> all() const;

 private:
  std::atomic<int> count_{0};
  mutable Mutex mutex_;
  std::vector<Hang> hangs_ SKEP_GUARDED_BY(mutex_);
};

/// What the caller of a call that is not answered gets: to be tried again, under the same key.
Error hangs(const HungCalls::Hang& hang, std::string_view plugin_id, MonoMs now);

}  // namespace skep::plugin
