// Asks whether something can be read and written, on a thread of its own: whoever wants to know
// gets the latest answer and waits for no disk. An answer that does not come is the trouble itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/control/damage.hpp"
#include "core/control/feature.hpp"

namespace skep::control {

class Probe final : public Service {
 public:
  using Ask = std::function<Status()>;
  /// `clock` and what `ask` refers to must outlive it; `name` is a literal.
  Probe(std::string_view name, Ask ask, Clock& clock)
      : Service("probe-" + std::string(name)), name_(name), ask_(std::move(ask)), clock_(clock) {}
  ~Probe() override { stop(); }

  /// Asks once. [one thread]
  void look();
  /// The latest answer; kDeadline while one is overdue. [any]
  Check check() const;

 protected:
  void run(std::stop_token stop) override;

 private:
  const std::string_view name_;
  const Ask ask_;
  Clock& clock_;
  mutable Mutex mutex_;
  Status answer_ SKEP_GUARDED_BY(mutex_);
  std::optional<MonoMs> asked_at_ SKEP_GUARDED_BY(mutex_);  ///< an answer is on its way
};

/// Of queue and store: what a submit and a registration ask, and whether anybody met damage. All
/// must outlive them.
std::vector<std::unique_ptr<Probe>> make_probes(Platform& platform, Damage& queue, Damage& store);

}  // namespace skep::control
