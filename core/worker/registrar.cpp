#include "core/worker/registrar.hpp"

#include <utility>

#include "core/base/log.hpp"

namespace skep::worker {

Registrar::Registrar(std::unique_ptr<ControlPlane> control,
                     std::function<api::Registration()> registration, Returner& returner,
                     Membership& membership, Clock& clock)
    : Service("skep-register"),
      control_(std::move(control)),
      registration_(std::move(registration)),
      returner_(returner),
      membership_(membership),
      clock_(clock) {}

void Registrar::announce() {
  const MutexLock lock(mutex_);
  due_ = true;
  change_.notify_all();
}

bool Registrar::take_due(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (!due_ && !stop.stop_requested()) change_.wait(lock, stop);
  return std::exchange(due_, false);
}

void Registrar::run(std::stop_token stop) {
  while (take_due(stop))
    while (!stop.stop_requested() && !membership_.conflicted() && !register_again(stop)) {
    }
}

/// False when it has to be tried again.
bool Registrar::register_again(std::stop_token stop) {
  constexpr Millis kLook{1'000};
  const std::size_t held = returner_.held();  // what comes later waits for the next one
  const api::Registration registration = registration_();
  if (!membership_.registered()) {  // the claim loop does it, maybe with what was true before
    membership_.wait_change(kLook, stop);
    return false;
  }
  const auto reply = control_->register_worker(registration);
  // A refusal is an answer, too: nobody holds tasks until a registration is mended.
  if (reply || reply.error().code == Code::kInvalid) returner_.let_go(held);
  if (reply) {
    backoff_.reset();
    complaint_.reset();
    log::info("worker_registered_again", {{"task_types", registration.types.size()},
                                          {"concurrency", registration.concurrency}});
    return true;
  }
  const Error& error = reply.error();
  if (stop.stop_requested()) return false;
  membership_.failed(error);
  const Millis pause = backoff_.next(error.retry_after);
  if (complaint_.due(clock_.mono_ms()))
    log::warn(
        "worker_not_registered_again",
        {{"error", error.message}, {"failures", backoff_.failures()}, {"retry_ms", pause.count()}});
  membership_.wait_change(pause, stop);
  return false;
}

}  // namespace skep::worker
