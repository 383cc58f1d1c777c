// How many threads this process has: a task that leaves one behind is caught by it.
#pragma once

#include <cstdint>

#include "core/base/fd.hpp"

namespace skep::plughost {

/// One to a process.
class ThreadWatch {
 public:
  /// The threads of now belong here.
  ThreadWatch();
  /// How many more there are now; those belong here from now on. Waits a moment for threads that
  /// are joined already but that the kernel has not quite taken down.
  std::int64_t new_ones();

 private:
  std::int64_t count() const;
  UniqueFd folder_;
  std::int64_t known_;
};

}  // namespace skep::plughost
