#include "core/worker/self_check.hpp"

#include <utility>

#include "core/base/descriptors.hpp"

namespace skep::worker {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// What is younger says enough before a claim.
constexpr Millis kFresh{100};

}  // namespace

SelfCheck::SelfCheck(SelfCheckOptions options, Health& health, Clock& clock)
    : Service("skep-look"),
      options_(std::move(options)),
      health_(health),
      state_folder_(options_.state_dir, clock) {}

void SelfCheck::run(std::stop_token stop) {
  while (wait_until_due(stop)) {
    const bool well = ask();
    const MutexLock lock(mutex_);
    is_well_ = well;
    asked_at_.reset();
    answered_at_ = SteadyClock::now();
    answered_.notify_all();
  }
  const MutexLock lock(mutex_);
  has_ended_ = true;
  answered_.notify_all();
}

bool SelfCheck::wait_until_due(std::stop_token stop) {
  MutexLock lock(mutex_);
  const auto until = SteadyClock::now() + options_.every;
  while (!is_wanted_ && wanted_.wait_until(lock, stop, until)) {
  }
  if (stop.stop_requested()) return false;
  is_wanted_ = false;
  asked_at_ = SteadyClock::now();
  return true;
}

bool SelfCheck::ask() {
  const std::string descriptors = descriptor_trouble();
  const std::string state_folder = state_folder_.trouble();
  health_.set("descriptors", descriptors);
  health_.set("state folder", state_folder);
  health_.look();
  const std::string spool = options_.spool_trouble();
  health_.set("spool", spool);
  return spool.empty() && descriptors.empty() && state_folder.empty();
}

bool SelfCheck::has_answer_since(Instant instant) const {
  return answered_at_ && *answered_at_ >= instant;
}

bool SelfCheck::look(std::stop_token stop) {
  std::int64_t waits = 0;
  {
    MutexLock lock(mutex_);
    const auto now = SteadyClock::now();
    const auto until = now + options_.patience;
    bool in_time = true;
    while (!has_answer_since(now - kFresh) && in_time && !stop.stop_requested()) {
      if (!asked_at_) is_wanted_ = true;
      wanted_.notify_all();
      in_time = answered_.wait_until(lock, stop, until);
    }
    if (has_answer_since(now - kFresh)) return is_well_;
    if (stop.stop_requested() || !asked_at_) return false;
    waits =
        std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - *asked_at_).count();
  }
  health_.set("spool",
              "the spool has not answered for " + std::to_string(waits) + " s; its disk may hang");
  return false;
}

bool SelfCheck::was_well() const {
  const MutexLock lock(mutex_);
  return is_well_ || !answered_at_;
}

bool SelfCheck::end(Millis patience) {
  request_stop();
  {
    MutexLock lock(mutex_);
    const auto until = SteadyClock::now() + patience;
    for (bool in_time = true; !has_ended_ && in_time;)
      in_time = answered_.wait_until(lock, {}, until);
    if (!has_ended_) return false;
  }
  stop();
  return true;
}

}  // namespace skep::worker
