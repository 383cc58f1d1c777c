#include "core/plugin/generation.hpp"

#include <algorithm>
#include <chrono>

namespace skep::plugin {

Generation::Generation(std::string owner, GenerationInfo info)
    : owner_(std::move(owner)), number_(info.number), info_(std::move(info)) {
  info_.state = "starting";
}

GenerationInfo Generation::info() const {
  const std::lock_guard lock(mutex_);
  GenerationInfo out = info_;
  out.calls = tally_.calls;
  out.failures = tally_.faults;
  return out;
}

CallTally Generation::tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

std::string Generation::state() const {
  const std::lock_guard lock(mutex_);
  return info_.state;
}

void Generation::move_to(std::string_view state, std::string_view reason) {
  const SystemClock clock;
  const std::lock_guard lock(mutex_);
  info_.state = state;
  if (!reason.empty()) info_.reason = reason;
  if (state == "active" && info_.active_at == 0) info_.active_at = clock.wall_ms();
  if (state == "draining") drain_began_ = clock.mono_ms();
  if (drain_began_ != 0 && info_.drain_ms < 0 && state != "draining")
    info_.drain_ms = clock.mono_ms() - drain_began_;
}

void Generation::on_end(std::function<void(CallEnd)> hook) {
  auto shared = hook ? std::make_shared<const std::function<void(CallEnd)>>(std::move(hook))
                     : std::shared_ptr<const std::function<void(CallEnd)>>();
  const std::lock_guard lock(mutex_);
  on_end_.swap(shared);
}

bool Generation::wait_idle(MonoMs deadline) {
  const auto until = std::chrono::steady_clock::time_point(std::chrono::milliseconds(deadline));
  std::unique_lock lock(mutex_);
  return idle_.wait_until(lock, until, [&] { return info_.leases == 0; });
}

void Generation::cancel_all(ports::CancelReason reason) {
  const std::lock_guard lock(mutex_);
  for (ports::CancelToken* cancel : inside_) cancel->cancel(reason);
}

void Generation::enter(ports::CancelToken* cancel) {
  const std::lock_guard lock(mutex_);
  ++info_.leases;
  if (cancel != nullptr) inside_.push_back(cancel);
}

void Generation::leave(ports::CancelToken* cancel, CallEnd end) {
  std::shared_ptr<const std::function<void(CallEnd)>> hook;
  {
    const std::lock_guard lock(mutex_);
    if (cancel != nullptr) {
      const auto at = std::find(inside_.begin(), inside_.end(), cancel);
      *at = inside_.back();
      inside_.pop_back();
    }
    ++tally_.calls;
    if (end >= CallEnd::kFailed) ++tally_.failed;
    if (end >= CallEnd::kFault) ++tally_.faults;
    if (end >= CallEnd::kCrash) ++tally_.crashes;
    if (--info_.leases == 0) idle_.notify_all();
    hook = on_end_;
  }
  if (hook) (*hook)(end);
}

Generation::Lease::Lease(std::shared_ptr<Generation> generation, ports::CancelToken* cancel)
    : generation_(std::move(generation)), cancel_(cancel) {
  generation_->enter(cancel_);
}

Generation::Lease::~Lease() {
  if (generation_) generation_->leave(cancel_, end_);
}

}  // namespace skep::plugin
