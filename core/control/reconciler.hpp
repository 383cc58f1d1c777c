// Envelope -> Verdict, second half: applies finished tasks to everything that follows from them,
// exactly once, also when queue and store are different engines.
//
// It reads completions after a cursor kept in the store, asks each feature for its effects, and
// writes them all together with the moved cursor in one store transaction, guarded by the cursor's
// old value. A crash anywhere repeats nothing and loses nothing.
#pragma once

#include <string>
#include <vector>

#include "core/base/service.hpp"
#include "core/control/features.hpp"

namespace skep::control {

class Reconciler final : public Service {
 public:
  /// All must outlive it.
  Reconciler(ports::Queue& queue, ports::Store& store, const FeatureList& features)
      : Service("reconciler"), queue_(queue), store_(store), features_(features) {}
  ~Reconciler() override { stop(); }

  /// Also makes task_totals, which the tasks' effects write: its line is as old as that table.
  static std::vector<std::string> migrations();

  /// The last completion whose effects are in the store.
  static Result<std::int64_t> cursor(ports::Store& store);
  /// Whether the queue is the one whose completions the store has applied: kCorrupt when it is an
  /// empty one.
  static Status check(ports::Queue& queue, ports::Store& store);
  /// Applies at most `limit` completions; returns how many. kState when somebody else moved the
  /// cursor meanwhile: nothing was applied, read again.
  Result<std::size_t> step(std::uint32_t limit);

 protected:
  void run(std::stop_token stop) override;

 private:
  ports::Queue& queue_;
  ports::Store& store_;
  const FeatureList& features_;
};

}  // namespace skep::control
