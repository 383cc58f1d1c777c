// The queue's clockwork: moves due and expired tasks, gives up attempts whose worker is gone.
#pragma once

#include <string>

#include "core/base/live.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/control/tasks/result_service.hpp"
#include "core/control/workers/worker_directory.hpp"

namespace skep::control {

struct ReaperOptions {
  std::int64_t interval_ms = 5'000;
  std::int64_t lost_after_ms = 300'000;  ///< from the end of a lease to giving it up
  std::int64_t grace_ms = 300'000;       ///< after start() no attempt is given up for silence
  RetryPolicy retry;
  bool operator==(const ReaperOptions&) const = default;
};

class Reaper final : public Service {
 public:
  /// Both must outlive it.
  Reaper(Platform& platform, WorkerDirectory& workers, ReaperOptions options);
  ~Reaper() override { stop(); }

  /// Gives up every attempt that `worker_id` holds under another incarnation: its process is gone.
  /// Returns how many. [any]
  Result<std::size_t> worker_restarted(const std::string& worker_id,
                                       const std::string& incarnation);
  /// One round: what workers last said into the store, tick, then, when the grace time is over, the
  /// suspects. [one thread]
  Status round();
  /// Options from now on; the next round goes by them. [any]
  void set_options(ReaperOptions options) { options_.set(options); }
  /// How the last round went: an error while, say, the disk is full. [any]
  Status health() const;

 protected:
  void run(std::stop_token stop) override;

 private:
  Result<std::size_t> give_up(WallMs cutoff, const std::string& worker_id,
                              const std::string& incarnation);
  Status sweep(WallMs now);
  ports::Queue& queue_;
  WaitLists& waits_;
  Clock& clock_;
  WorkerDirectory& workers_;
  Live<ReaperOptions> options_;
  const WallMs started_ms_;
  WallMs last_sweep_ms_ = 0;
  WallMs next_flush_ms_ = 0;
  Status flushed_;
  std::uint64_t version_ = 0;  ///< of the queue, as wait() counts
  mutable Mutex mutex_;
  Status health_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::control
