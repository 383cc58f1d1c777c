// History has an end: tasks that ended long ago go, with their results and their output.
#pragma once

#include <atomic>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/control/platform.hpp"

namespace skep::control {

class Retention final : public Service {
 public:
  /// `keep_ms` 0 keeps everything for ever.
  Retention(Platform& platform, std::int64_t keep_ms)
      : Service("retention"), platform_(platform), keep_ms_(keep_ms) {}
  ~Retention() override { stop(); }

  /// How long ended tasks are kept from now on; looked at at once. [any]
  void set_keep(std::int64_t keep_ms);
  /// Forgets a batch of what is older; returns how many rows went. Nothing goes whose effects the
  /// reconciler has still to apply.
  Result<std::size_t> step();

 protected:
  void run(std::stop_token stop) override;

 private:
  void pause(Millis time, const std::stop_token& stop);
  Platform& platform_;
  std::atomic<std::int64_t> keep_ms_;
  Mutex mutex_;
  StoppableCondVar change_;
  bool changed_ SKEP_GUARDED_BY(mutex_) = false;
};

}  // namespace skep::control
