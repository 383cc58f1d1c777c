// Looks again and again whether tasks can run here.
#pragma once

#include <functional>
#include <string>

#include "core/base/folder_probe.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/worker/health.hpp"

namespace skep::worker {

struct SelfCheckOptions {
  std::function<std::string()> spool_trouble;  ///< why results cannot be kept, "" = they can
  std::string state_dir;                       ///< that has to be writable; "" = none
  Millis every{5'000};
};

/// By itself, as a claim may wait long, and before each claim. On a thread of its own: the disk of
/// the spool may not answer.
class SelfCheck final : public Service {
 public:
  /// Collaborators outlive it.
  SelfCheck(SelfCheckOptions options, Health& health, Clock& clock);
  ~SelfCheck() override { stop(); }
  /// Looks now, and says to the health what it finds. True when all is well. [any]
  bool look();

 protected:
  void run(std::stop_token stop) override;

 private:
  struct Findings;
  Findings find();

  const SelfCheckOptions options_;
  Health& health_;
  Mutex mutex_;  ///< one looks at a time
  FolderProbe state_folder_ SKEP_GUARDED_BY(mutex_);
  Mutex sleep_mutex_;
  StoppableCondVar sleep_;
};

}  // namespace skep::worker
