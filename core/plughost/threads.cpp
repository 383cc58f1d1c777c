#include "core/plughost/threads.hpp"

#include <sys/stat.h>
#include <time.h>

namespace skep::plughost {

std::int64_t thread_count() {
  // The folder has one link for each thread, and two of its own.
  struct stat tasks {};
  constexpr std::int64_t kOwnLinks = 2;
  return stat("/proc/self/task", &tasks) == 0
             ? static_cast<std::int64_t>(tasks.st_nlink) - kOwnLinks
             : 0;
}

std::int64_t threads_beyond(std::int64_t before) {
  constexpr int kLooks = 50;
  constexpr timespec kPause{0, 2'000'000};
  std::int64_t more = thread_count() - before;
  for (int i = 0; i < kLooks && more > 0; ++i) {
    nanosleep(&kPause, nullptr);
    more = thread_count() - before;
  }
  return more > 0 ? more : 0;
}

}  // namespace skep::plughost
