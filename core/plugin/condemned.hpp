// Generations that turned out worse than the ones before, told by the threads that ran their calls
// to the thread that takes them back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"

namespace skep::plugin {

struct Condemned {
  std::string id;
  std::uint64_t number = 0;
  std::string reason;
};

/// Of each plugin the newest one. [any]
class CondemnedList {
 public:
  void add(Condemned condemned);
  std::vector<Condemned> take();
  /// Called under a lock of its own whenever add() has been: must not block. An empty one replaces
  /// it, and once that returned the old one runs no more.
  void on_add(std::function<void()> wake);

 private:
  Mutex mutex_;
  std::vector<Condemned> waiting_ SKEP_GUARDED_BY(mutex_);
  Mutex wake_mutex_;
  std::function<void()> wake_ SKEP_GUARDED_BY(wake_mutex_);
};

}  // namespace skep::plugin
