#include "core/worker/link.hpp"

#include <utility>

#include "core/base/log.hpp"

namespace skep::worker {

template <class Change>
void Link::change(Change&& apply) {
  const std::scoped_lock lock(mutex_);
  if (!apply()) return;
  ++generation_;
  changed_.notify_all();
}

bool Link::registered() const {
  const std::scoped_lock lock(mutex_);
  return registered_;
}

void Link::set_registered(bool registered) {
  change([&] { return std::exchange(registered_, registered) != registered; });
}

bool Link::up() const {
  const std::scoped_lock lock(mutex_);
  return up_;
}

void Link::reached() {
  change([&] { return !std::exchange(up_, true); });
}

void Link::lost() {
  const std::scoped_lock lock(mutex_);
  up_ = false;  // no news for anybody who waits
}

api::WorkerMode Link::mode() const {
  const std::scoped_lock lock(mutex_);
  return mode_;
}

void Link::set_mode(api::WorkerMode mode) {
  change([&] {
    if (std::exchange(mode_, mode) == mode) return false;
    log::info("worker_mode_changed", {{"mode", api::to_string(mode)}});
    return true;
  });
}

bool Link::conflicted() const {
  const std::scoped_lock lock(mutex_);
  return conflicted_;
}

void Link::conflict(const std::string& detail) {
  bool first = false;
  change([&] { return first = !std::exchange(conflicted_, true); });
  if (!first) return;
  log::error("worker_id_conflict",
             {{"detail", detail},
              {"effect", "no more claims; running tasks end, then this process does"},
              {"next", "give each worker its own [node] id"}});
  if (on_conflict_) on_conflict_();
}

bool Link::may_claim() const {
  const std::scoped_lock lock(mutex_);
  return registered_ && !conflicted_ && mode_ == api::WorkerMode::kActive;
}

void Link::wait_change(Millis d, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const std::uint64_t seen = generation_;
  changed_.wait_for(lock, stop, d, [&] { return generation_ != seen; });
}

void Link::wake() {
  change([] { return true; });
}

}  // namespace skep::worker
