#include "core/plugin/drainer.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <vector>

#include "core/base/events.hpp"

namespace skep::plugin {
namespace {

/// Callers of an exclusive plugin wait while its old generation ends: together with the grace no
/// longer than Route::kPatience.
constexpr Millis kMostHeld{10'000};

/// From the cancellation of its calls.
MonoMs grace_of(const Running& running, const DrainLimits& limits) {
  return std::max(limits.grace, running.longest_end()).count();
}

MonoMs until_given_up(const Running& running, const DrainLimits& limits) {
  return limits.soft.count() + grace_of(running, limits);
}

/// The longer the youngest has drained, the less it matters how soon its end is seen.
Millis until_next_look(MonoMs began) {
  constexpr MonoMs kSoonest = 2;
  constexpr MonoMs kLatest = 250;
  return Millis(std::clamp((SystemClock().mono_ms() - began) / 8, kSoonest, kLatest));
}

void tell_draining(const Generation& generation) {
  const GenerationInfo info = generation.info();
  events::publish(log::Level::kInfo, "plugin.draining",
                  {{"id", generation.owner()},
                   {"version", info.version},
                   {"sha256", info.sha256},
                   {"generation", info.number},
                   {"leases", info.inside}});
}

void tell_ended(const Generation& generation, std::string_view event, log::Level level) {
  const GenerationInfo info = generation.info();
  events::publish(level, event,
                  {{"id", generation.owner()},
                   {"version", info.version},
                   {"sha256", info.sha256},
                   {"generation", info.number},
                   {"calls", info.calls},
                   {"leases", info.inside},
                   {"duration_ms", info.drain_ms}});
}

/// Its threads are inside code that may not be stopped under them; the code and the instances stay.
void give_up(std::unique_ptr<Running> running) {
  running->generation()->apply(GenerationEvent::kStuck,
                               "calls did not end when they were cancelled");
  tell_ended(*running->generation(), "plugin.zombie", log::Level::kError);
  static Mutex mutex;
  static auto* zombies = new std::vector<std::unique_ptr<Running>>;  // for the life of the process
  const MutexLock lock(mutex);
  zombies->push_back(std::move(running));
}

}  // namespace

Drainer::~Drainer() {
  stop();
  std::vector<Leaving> last;
  {
    const MutexLock lock(mutex_);
    last.swap(leaving_);
  }
  for (Leaving& leaving : last) {
    Generation& generation = *leaving.running->generation();
    generation.cancel_all(ports::CancelReason::kShutdown);
    if (generation.wait_idle(SystemClock().mono_ms() + grace_of(*leaving.running, limits())))
      retire(std::move(leaving.running));
    else
      give_up(std::move(leaving.running));
  }
}

void Drainer::set_limits(DrainLimits limits) {
  const MutexLock lock(mutex_);
  limits_ = limits;
}

DrainLimits Drainer::limits() {
  const MutexLock lock(mutex_);
  return limits_;
}

void Drainer::retire(std::unique_ptr<Running> running) const {
  const auto generation = running->generation();
  running.reset();
  generation->apply(GenerationEvent::kEmpty);
  if (quiet_)
    log::debug("plugin_ended", {{"id", generation->owner()}, {"generation", generation->number()}});
  else
    tell_ended(*generation, "plugin.retired", log::Level::kInfo);
}

void Drainer::take(std::unique_ptr<Running> running, GenerationEvent why, std::string_view reason) {
  const MonoMs now = SystemClock().mono_ms();
  running->generation()->apply(why, reason);
  if (!quiet_) tell_draining(*running->generation());
  running->drain(now + until_given_up(*running, limits()));
  const MutexLock lock(mutex_);
  held_.push_back(running->recipe().file.path);
  ++unfinished_;
  leaving_.push_back({std::move(running), now});
  changed_.notify_all();
}

bool Drainer::drain_now(Running& running) {
  Generation& generation = *running.generation();
  DrainLimits limits = this->limits();
  limits.soft = std::min(limits.soft, kMostHeld);
  const MonoMs now = SystemClock().mono_ms();
  const MonoMs end = now + until_given_up(running, limits);
  running.drain(end);
  if (generation.wait_idle(now + limits.soft.count())) return true;
  generation.cancel_all(ports::CancelReason::kReload);
  return generation.wait_idle(end);
}

void Drainer::wait_empty() {
  MutexLock lock(mutex_);
  while (unfinished_ > 0) changed_.wait(lock);
}

bool Drainer::holds(const std::string& path) {
  const MutexLock lock(mutex_);
  return std::find(held_.begin(), held_.end(), path) != held_.end();
}

void Drainer::let_go(const std::string& path) {
  const MutexLock lock(mutex_);
  held_.erase(std::find(held_.begin(), held_.end(), path));
}

/// One look at it; true when it has gone.
bool Drainer::finished(Leaving& leaving, const DrainLimits& limits) {
  try {
    return try_to_finish(leaving, limits);
  } catch (const std::exception& e) {
    log::error("plugin_drain_failed", {{"error", e.what()}});
    return leaving.running == nullptr;
  }
}

bool Drainer::try_to_finish(Leaving& leaving, const DrainLimits& limits) {
  Generation& generation = *leaving.running->generation();
  const MonoMs now = SystemClock().mono_ms();
  if (generation.wait_idle(now)) {
    const std::string path = leaving.running->recipe().file.path;
    const bool hangs = !generation.hung().all().empty();
    retire(std::move(leaving.running));
    if (!hangs) let_go(path);
    return true;
  }
  if (now - leaving.began < limits.soft.count()) return false;
  if (leaving.cancelled == 0) leaving.cancelled = now;
  generation.cancel_all(ports::CancelReason::kReload);
  if (now - leaving.cancelled < grace_of(*leaving.running, limits)) return false;
  give_up(std::move(leaving.running));
  return true;
}

void Drainer::run(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    if (leaving_.empty()) {
      changed_.wait(lock, stop);
      continue;
    }
    std::vector<Leaving> now;
    now.swap(leaving_);
    const DrainLimits limits = limits_;
    lock.unlock();
    const auto ended =
        std::erase_if(now, [&](Leaving& leaving) { return finished(leaving, limits); });
    lock.lock();
    leaving_.insert(leaving_.begin(), std::make_move_iterator(now.begin()),
                    std::make_move_iterator(now.end()));
    unfinished_ -= ended;
    changed_.notify_all();
    const std::size_t seen = now.size();
    if (seen > 0 && leaving_.size() == seen)
      changed_.wait_for(lock, stop, until_next_look(leaving_.back().began));
  }
}

}  // namespace skep::plugin
