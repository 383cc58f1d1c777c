// Workers that vanished are forgotten after a time; those that come back register again.
#pragma once

#include <atomic>

#include "core/base/service.hpp"
#include "core/control/workers/worker_service.hpp"

namespace skep::control {

class WorkerRetention final : public Service {
 public:
  /// All must outlive it. `keep_ms` 0 keeps everybody for ever.
  WorkerRetention(Platform& platform, const WorkerDirectory& directory, WorkerService& service,
                  std::int64_t keep_ms)
      : Service("worker-retention"),
        platform_(platform),
        directory_(directory),
        service_(service),
        keep_ms_(keep_ms) {}
  ~WorkerRetention() override { stop(); }

  /// How long a worker without a beat is kept from now on. [any]
  void set_keep(std::int64_t keep_ms) { keep_ms_ = keep_ms; }
  /// Forgets those that were not seen for so long; returns how many.
  Result<std::size_t> step();

 protected:
  void run(std::stop_token stop) override;

 private:
  Platform& platform_;
  const WorkerDirectory& directory_;
  WorkerService& service_;
  std::atomic<std::int64_t> keep_ms_;
};

}  // namespace skep::control
