#include "core/worker/instruction_loop.hpp"

namespace skep::worker {

InstructionLoop::InstructionLoop(InstructionOptions options, std::unique_ptr<ControlPlane> control,
                                 const LiveSettings& settings, Executor& executor,
                                 Membership& membership, ReleaseFetcher& releases, Clock& clock)
    : Service("skep-instruct"),
      options_(std::move(options)),
      control_(std::move(control)),
      settings_(settings),
      executor_(executor),
      membership_(membership),
      releases_(releases),
      clock_(clock) {}

void InstructionLoop::listen(bool wanted) {
  {
    const MutexLock lock(mutex_);
    if (wanted_ == wanted) return;
    wanted_ = wanted;
    change_.notify_all();
  }
  if (wanted) start();
}

void InstructionLoop::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mutex_);
      while (!wanted_ && !stop.stop_requested()) change_.wait(lock, stop);
      if (!wanted_) return;
    }
    const MonoMs started = clock_.mono_ms();
    bool held = false;
    if (membership_.registered() && !membership_.conflicted()) {
      api::ClaimRequest request;
      request.incarnation = options_.incarnation;
      request.max = 0;
      request.wait_seconds = static_cast<double>(options_.hold.count()) / 1000;
      request.held = executor_.leases();
      request.registry = releases_.heard();
      const auto reply = control_->claim(request);
      if (reply) {
        for (const model::Lease& lease : reply->cancel)
          executor_.cancel(lease, ports::CancelReason::kUser);
        membership_.set_mode(reply->mode);
        releases_.notice(reply->registry);
        const bool news = !reply->cancel.empty() || releases_.heard() != request.registry;
        held = news || (clock_.mono_ms() - started) * 2 >= options_.hold.count();
      }
      // A failure is the claim loop's and the heartbeat's to report; here it only means a pause.
    }
    if (!held) membership_.wait_change(settings_.get().poll_interval, stop);
  }
}

}  // namespace skep::worker
