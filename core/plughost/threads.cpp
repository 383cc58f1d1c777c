#include "core/plughost/threads.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <utility>

namespace skep::plughost {

ThreadWatch::ThreadWatch()
    : folder_(open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC)), known_(count()) {}

std::int64_t ThreadWatch::count() const {
  // The folder has one link for each thread, and two of its own.
  struct stat tasks {};
  constexpr std::int64_t kOwnLinks = 2;
  return fstat(folder_.get(), &tasks) == 0 ? static_cast<std::int64_t>(tasks.st_nlink) - kOwnLinks
                                           : 0;
}

std::int64_t ThreadWatch::new_ones() {
  // A thread that was joined is still counted until it has been given the processor once more.
  constexpr int kLooks = 1'500;
  constexpr timespec kPause{0, 2'000'000};
  std::int64_t now = count();
  for (int i = 0; i < kLooks && now > known_; ++i) {
    nanosleep(&kPause, nullptr);
    now = count();
  }
  return std::max<std::int64_t>(0, now - std::exchange(known_, now));
}

}  // namespace skep::plughost
