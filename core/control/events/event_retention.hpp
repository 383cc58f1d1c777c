// Events have an end, too: the oldest go when they are too old or too many.
#pragma once

#include "core/base/live.hpp"
#include "core/control/settled_time.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

class EventRetention {
 public:
  struct Limits {
    std::int64_t keep_ms = 0;       ///< 0 = however old
    std::int64_t most = 1'000'000;  ///< events kept
    bool operator==(const Limits&) const = default;
  };
  /// Both must outlive it.
  EventRetention(ports::Store& store, SettledTime& settled, Limits limits)
      : store_(store), settled_(settled), limits_(limits) {}

  void set_limits(Limits limits) { limits_.set(limits); }
  /// Forgets a batch from the oldest on, up to the first that may stay, so that no hole comes to be
  /// between events; returns how many. [any]
  Result<std::size_t> step();

 private:
  ports::Store& store_;
  SettledTime& settled_;
  Live<Limits> limits_;
};

}  // namespace skep::control
