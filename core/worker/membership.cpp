#include "core/worker/membership.hpp"

#include <utility>

#include "core/base/log.hpp"

namespace skep::worker {

void Membership::changed() {
  ++changes_;
  change_.notify_all();
}

bool Membership::registered() const {
  const MutexLock lock(mutex_);
  return registered_;
}

void Membership::set_registered(bool registered) {
  const MutexLock lock(mutex_);
  if (std::exchange(registered_, registered) != registered) changed();
}

bool Membership::up() const {
  const MutexLock lock(mutex_);
  return up_;
}

void Membership::reached() {
  const MutexLock lock(mutex_);
  if (!std::exchange(up_, true)) changed();
}

void Membership::lost() {
  const MutexLock lock(mutex_);
  up_ = false;  // no news for anybody who waits
}

api::WorkerMode Membership::mode() const {
  const MutexLock lock(mutex_);
  return mode_;
}

void Membership::set_mode(api::WorkerMode mode) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(mode_, mode) == mode) return;
    changed();
  }
  log::info("worker_mode_changed", {{"mode", api::to_string(mode)}});
}

bool Membership::conflicted() const {
  const MutexLock lock(mutex_);
  return conflicted_;
}

void Membership::conflict(const std::string& detail) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(conflicted_, true)) return;
    changed();
  }
  log::error("worker_id_conflict",
             {{"detail", detail},
              {"effect", "no more claims; running tasks end, then this process does"},
              {"next", "give each worker its own [node] id"}});
  if (on_conflict_) on_conflict_();
}

bool Membership::may_claim() const {
  const MutexLock lock(mutex_);
  return registered_ && !conflicted_ && mode_ == api::WorkerMode::kActive;
}

void Membership::wait_change(Millis d, std::stop_token stop) {
  MutexLock lock(mutex_);
  const std::uint64_t seen = changes_;
  const auto until = std::chrono::steady_clock::now() + d;
  while (changes_ == seen && change_.wait_until(lock, stop, until)) {
  }
}

void Membership::wake() {
  const MutexLock lock(mutex_);
  changed();
}

}  // namespace skep::worker
