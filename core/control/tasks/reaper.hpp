// The queue's clockwork: moves due and expired tasks, gives up attempts whose worker is gone.
//
// A lease is an instant of the wall clock in the queue, and lasts as long as time has passed: when
// somebody sets the clock, each lease is granted anew, so that none runs out early or never.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/base/live.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/control/tasks/result_service.hpp"
#include "core/control/tasks/waiting_claims.hpp"
#include "core/control/workers/worker_directory.hpp"

namespace skep::control {

struct ReaperOptions {
  std::int64_t lease_ms = 90'000;
  std::int64_t interval_ms = 5'000;
  std::int64_t lost_after_ms = 300'000;  ///< from the end of a lease to giving it up
  std::int64_t grace_ms = 300'000;       ///< after start() no attempt is given up for silence
  RetryPolicy retry;
  bool operator==(const ReaperOptions&) const = default;
};

class Reaper final : public Service {
 public:
  /// All must outlive it.
  Reaper(Platform& platform, WorkerDirectory& workers, WaitingClaims& waiting,
         ReaperOptions options);
  ~Reaper() override { stop(); }

  /// Gives up every attempt that `worker_id` holds under another incarnation: its process is gone.
  /// It had `slots`: what cannot have been running goes back without a try. Returns how many. [any]
  Result<std::size_t> worker_restarted(const std::string& worker_id, const std::string& incarnation,
                                       int slots);
  /// Everything that it holds goes back without a try. [any]
  Result<std::size_t> worker_removed(const std::string& worker_id);
  /// One round: what workers last said into the store, tick, then, when the grace time is over, the
  /// suspects. [one thread]
  Status round();
  /// Options from now on; the next round goes by them. [any]
  void set_options(ReaperOptions options) { options_.set(options); }
  /// It has started so little ago that nobody is given up for silence. [any]
  bool is_patient() const { return clock_.mono_ms() < started_ms_ + options_.get().grace_ms; }
  /// How the last round went: an error while, say, the disk is full. [any]
  Status health() const;

 protected:
  void run(std::stop_token stop) override;

 private:
  Result<std::size_t> give_up(WallMs cutoff, const std::string& worker_id,
                              const std::string& incarnation, int slots);
  Result<std::size_t> lose(WallMs cutoff, std::span<const model::Task> tasks, bool crashed);
  Result<std::size_t> give_back(std::span<const model::Task> tasks);
  Status follow_clock(WallMs now, MonoMs mono);
  Status grant_anew(WallMs now, WallMs ending_after);
  Status sweep(WallMs now, MonoMs mono);
  Status tick(WallMs now);
  /// Tasks that wait for an instant which has come. kBusy: too many wait to look at them all.
  Result<std::vector<model::Task>> due(WallMs now);
  ports::Queue& queue_;
  WaitLists& waits_;
  WaitingClaims& waiting_;
  Clock& clock_;
  WorkerDirectory& workers_;
  Live<ReaperOptions> options_;
  const MonoMs started_ms_;
  MonoMs last_sweep_ms_ = INT64_MIN / 2;
  MonoMs next_flush_ms_ = 0;
  std::optional<std::int64_t> wall_offset_;  ///< wall clock minus monotonic one
  Status flushed_;
  bool owes_everybody_ = false;  ///< a wake-up of all claims
  MonoMs next_to_everybody_ = 0;
  mutable Mutex mutex_;
  Status health_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::control
