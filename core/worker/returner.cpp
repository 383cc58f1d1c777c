#include "core/worker/returner.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/log.hpp"

namespace skep::worker {
namespace {

/// Of one request: about 160 bytes each, and a request has at most 1 MiB.
constexpr std::size_t kMost = 1'000;

}  // namespace

Returner::Returner(std::string incarnation, std::unique_ptr<ControlPlane> control,
                   Membership& membership, Clock& clock)
    : Service("skep-return"),
      incarnation_(std::move(incarnation)),
      control_(std::move(control)),
      membership_(membership),
      clock_(clock) {}

void Returner::give(model::Lease lease) {
  const MutexLock lock(mutex_);
  leases_.push_back(std::move(lease));
  given_.notify_all();
}

void Returner::hold(model::Lease lease) {
  const MutexLock lock(mutex_);
  held_.push_back(std::move(lease));
}

std::size_t Returner::held() const {
  const MutexLock lock(mutex_);
  return held_.size();
}

std::size_t Returner::size() const {
  const MutexLock lock(mutex_);
  return leases_.size() + held_.size();
}

void Returner::let_go(std::size_t count) {
  const MutexLock lock(mutex_);
  const auto end = held_.begin() + static_cast<std::ptrdiff_t>(std::min(count, held_.size()));
  std::move(held_.begin(), end, std::back_inserter(leases_));
  held_.erase(held_.begin(), end);
  given_.notify_all();
}

std::vector<ports::Renewal> Returner::pending() const {
  const MutexLock lock(mutex_);
  std::vector<ports::Renewal> out;
  for (const auto* leases : {&leases_, &held_})
    for (const model::Lease& lease : *leases) out.push_back({lease, false});
  return out;
}

std::vector<model::Lease> Returner::take() {
  const MutexLock lock(mutex_);
  std::vector<model::Lease> out = std::exchange(leases_, {});
  std::move(held_.begin(), held_.end(), std::back_inserter(out));
  held_.clear();
  return out;
}

bool Returner::wait_for_some(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (leases_.empty() && !stop.stop_requested()) given_.wait(lock, stop);
  return !stop.stop_requested();
}

void Returner::run(std::stop_token stop) {
  while (wait_for_some(stop))
    if (!hand_back()) membership_.wait_change(backoff_.next(), stop);
}

/// False when it has to be tried again.
bool Returner::hand_back() {
  std::vector<model::Lease> leases;
  {
    const MutexLock lock(mutex_);
    leases.assign(leases_.begin(),
                  leases_.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, leases_.size())));
  }
  const Status released = control_->release({incarnation_, leases});
  // The control plane does not know them, or not any more: nothing is left to be handed back.
  const bool settled =
      released || released.error().code == Code::kInvalid || released.error().code == Code::kState;
  if (!released && (settled || complaint_.due(clock_.mono_ms())))
    log::warn("release_failed", {{"tasks", leases.size()}, {"error", released.error().message}});
  if (!settled) return false;
  backoff_.reset();
  complaint_.reset();
  {
    const MutexLock lock(mutex_);
    leases_.erase(leases_.begin(), leases_.begin() + static_cast<std::ptrdiff_t>(leases.size()));
  }
  membership_.wake();  // there is room to claim
  return true;
}

}  // namespace skep::worker
