// Sees generations out that were replaced: waits for the calls inside, then cancels them, then
// gives up.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/running.hpp"

namespace skep::plugin {

/// [any]
class Drainer final : public Service {
 public:
  explicit Drainer(DrainLimits limits) : Service("skep-drain"), limits_(limits) {}
  ~Drainer() override;

  /// Also for what has been taken already.
  void set_limits(DrainLimits limits);
  /// Takes a generation that gets no new calls, for this reason: kReplace or kCondemn.
  void take(std::unique_ptr<Running> running, GenerationEvent why, std::string_view reason = {});
  /// Waits on this thread until nobody is inside, while callers wait for that; false when it does
  /// not end within the limits.
  bool drain_now(Running& running);
  /// Is the staged file that of a generation which still drains, or of one that calls never left?
  bool holds(const std::string& path);
  /// From now on generations end because the node does: that is worth a debug line and no event.
  void hush() { quiet_ = true; }
  /// Waits until everything taken so far has ended one way or the other.
  void wait_empty();

 private:
  struct Leaving {
    std::unique_ptr<Running> running;
    MonoMs began = 0;
    MonoMs cancelled = 0;  ///< 0 = not yet
  };
  void run(std::stop_token stop) override;
  bool finished(Leaving& leaving, const DrainLimits& limits);
  bool try_to_finish(Leaving& leaving, const DrainLimits& limits);
  void let_go(const std::string& path);
  DrainLimits limits();

  void retire(std::unique_ptr<Running> running) const;

  std::atomic<bool> quiet_{false};
  Mutex mutex_;
  StoppableCondVar changed_;
  DrainLimits limits_ SKEP_GUARDED_BY(mutex_);
  std::vector<Leaving> leaving_ SKEP_GUARDED_BY(mutex_);
  std::size_t unfinished_ SKEP_GUARDED_BY(mutex_) = 0;
  /// Staged paths of what leaves, of zombies, and of those with hung calls.
  std::vector<std::string> held_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::plugin
