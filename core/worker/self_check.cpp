#include "core/worker/self_check.hpp"

#include <utility>

#include "core/base/descriptors.hpp"

namespace skep::worker {

struct SelfCheck::Findings {
  std::string spool;
  std::string descriptors;
  std::string state_folder;
};

SelfCheck::SelfCheck(SelfCheckOptions options, Health& health, Clock& clock)
    : Service("skep-look"),
      options_(std::move(options)),
      health_(health),
      state_folder_(options_.state_dir, clock) {}

void SelfCheck::run(std::stop_token stop) {
  for (;;) {
    {
      MutexLock lock(sleep_mutex_);
      const auto until = std::chrono::steady_clock::now() + options_.every;
      while (sleep_.wait_until(lock, stop, until)) {
      }
    }
    if (stop.stop_requested()) return;
    look();
  }
}

SelfCheck::Findings SelfCheck::find() {
  const MutexLock lock(mutex_);
  return {options_.spool_trouble(), descriptor_trouble(), state_folder_.trouble()};
}

bool SelfCheck::look() {
  const Findings found = find();
  health_.set("spool", found.spool);
  health_.set("descriptors", found.descriptors);
  health_.set("state folder", found.state_folder);
  health_.look();
  return found.spool.empty() && found.descriptors.empty() && found.state_folder.empty();
}

}  // namespace skep::worker
