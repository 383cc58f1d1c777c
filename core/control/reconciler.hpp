// Envelope -> Verdict, second half: applies finished tasks to everything that follows from them,
// exactly once, also when queue and store are different engines.
//
// It reads completions after a cursor kept in the store and writes their effects together with the
// moved cursor in one store transaction, guarded by the cursor's old value. A crash anywhere
// repeats nothing and loses nothing.
#pragma once

#include <string>
#include <vector>

#include "core/base/service.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

class Reconciler final : public Service {
 public:
  Reconciler(ports::Queue& queue, ports::Store& store)
      : Service("reconciler"), queue_(queue), store_(store) {}
  ~Reconciler() override { stop(); }

  static std::vector<std::string> migrations();

  /// The last completion whose effects are in the store.
  static Result<std::int64_t> cursor(ports::Store& store);
  /// Applies at most `limit` completions; returns how many. kState when somebody else moved the
  /// cursor meanwhile: nothing was applied, read again.
  Result<std::size_t> step(std::uint32_t limit);

  struct Total {
    std::string type;
    std::string outcome;
    std::int64_t count = 0;
    std::int64_t total_ms = 0;
  };
  /// Finished tasks by type and outcome since the database was made.
  static Result<std::vector<Total>> totals(ports::Store& store);

 protected:
  void run(std::stop_token stop) override;

 private:
  ports::Queue& queue_;
  ports::Store& store_;
};

}  // namespace skep::control
