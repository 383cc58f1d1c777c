// Looks again and again whether tasks can run here.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "core/base/folder_probe.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/worker/health.hpp"

namespace skep::worker {

struct SelfCheckOptions {
  /// Why results cannot be kept, "" = they can. Asks the spool, whose disk may not answer.
  std::function<std::string()> spool_trouble;
  std::string state_dir;  ///< that has to be writable; "" = none
  Millis every{5'000};
  Millis patience{1'000};  ///< of who wants to know
};

/// By itself, as a claim may wait long, and before each claim. On a thread of its own, and without
/// a lock: a spool that does not answer holds that thread alone, and is a trouble itself.
class SelfCheck final : public Service {
 public:
  /// Collaborators outlive it.
  SelfCheck(SelfCheckOptions options, Health& health, Clock& clock);
  ~SelfCheck() override { stop(); }
  /// Has it look now, unless it just has, and says to the health what it finds. True when all is
  /// well; false, too, when there is no answer in time. [any]
  bool look(std::stop_token stop);
  /// What the last look found; true before the first. [any]
  bool was_well() const;
  /// Stops within `patience`; false when it does not, as the spool holds it.
  bool end(Millis patience);

 protected:
  void run(std::stop_token stop) override;

 private:
  using Instant = std::chrono::steady_clock::time_point;

  bool wait_until_due(std::stop_token stop);
  bool ask();
  bool has_answer_since(Instant instant) const SKEP_REQUIRES(mutex_);

  const SelfCheckOptions options_;
  Health& health_;
  FolderProbe state_folder_;  ///< its own thread's
  mutable Mutex mutex_;
  StoppableCondVar wanted_;
  StoppableCondVar answered_;
  bool is_wanted_ SKEP_GUARDED_BY(mutex_) = false;
  bool is_well_ SKEP_GUARDED_BY(mutex_) = false;
  bool has_ended_ SKEP_GUARDED_BY(mutex_) = false;
  std::optional<Instant> asked_at_ SKEP_GUARDED_BY(mutex_);  ///< an answer is on its way
  std::optional<Instant> answered_at_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::worker
