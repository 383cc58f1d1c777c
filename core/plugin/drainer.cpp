#include "core/plugin/drainer.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/events.hpp"

namespace skep::plugin {
namespace {

/// How long one generation is waited for before the others get a look.
constexpr MonoMs kSliceMs = 20;

void tell_draining(const Generation& generation) {
  const GenerationInfo info = generation.info();
  events::publish(log::Level::kInfo, "plugin.draining",
                  {{"id", generation.owner()},
                   {"version", info.version},
                   {"sha256", info.sha256},
                   {"generation", info.number},
                   {"leases", info.leases}});
}

void tell_ended(const Generation& generation, std::string_view event, log::Level level) {
  const GenerationInfo info = generation.info();
  events::publish(level, event,
                  {{"id", generation.owner()},
                   {"version", info.version},
                   {"sha256", info.sha256},
                   {"generation", info.number},
                   {"calls", info.calls},
                   {"leases", info.leases},
                   {"duration_ms", info.drain_ms}});
}

/// Its threads are inside code that may not be stopped under them; the code and the instances stay.
void give_up(std::unique_ptr<Running> running) {
  running->generation()->move_to("zombie", "calls did not end when they were cancelled");
  tell_ended(*running->generation(), "plugin.zombie", log::Level::kError);
  static std::mutex mutex;
  static auto* zombies = new std::vector<std::unique_ptr<Running>>;  // for the life of the process
  const std::lock_guard lock(mutex);
  zombies->push_back(std::move(running));
}

}  // namespace

Drainer::~Drainer() {
  stop();
  for (Leaving& leaving : leaving_) {
    leaving.running->generation()->cancel_all(ports::CancelReason::kShutdown);
    if (leaving.running->generation()->wait_idle(SystemClock().mono_ms() + limits_.soft.count()))
      retire(std::move(leaving.running), leaving.end_state);
    else
      give_up(std::move(leaving.running));
  }
}

void Drainer::retire(std::unique_ptr<Running> running, const std::string& end_state) const {
  const auto generation = running->generation();
  running.reset();
  generation->move_to(end_state);
  if (quiet_)
    log::debug("plugin_ended", {{"id", generation->owner()}, {"generation", generation->number()}});
  else
    tell_ended(*generation, "plugin.retired", log::Level::kInfo);
}

void Drainer::take(std::unique_ptr<Running> running, std::string end_state) {
  const MonoMs now = SystemClock().mono_ms();
  running->generation()->move_to("draining");
  if (!quiet_) tell_draining(*running->generation());
  running->drain(now + limits_.soft.count());
  const std::lock_guard lock(mutex_);
  held_.push_back(running->recipe().file.path);
  ++unfinished_;
  leaving_.push_back({std::move(running), std::move(end_state), now + limits_.soft.count(),
                      now + limits_.hard.count()});
  changed_.notify_all();
}

bool Drainer::drain_now(Running& running) const {
  Generation& generation = *running.generation();
  const MonoMs now = SystemClock().mono_ms();
  running.drain(now + limits_.soft.count());
  if (generation.wait_idle(now + limits_.soft.count())) return true;
  generation.cancel_all(ports::CancelReason::kReload);
  return generation.wait_idle(now + limits_.hard.count());
}

void Drainer::wait_empty() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return unfinished_ == 0; });
}

bool Drainer::holds(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return std::find(held_.begin(), held_.end(), path) != held_.end();
}

void Drainer::let_go(const std::string& path) {
  const std::lock_guard lock(mutex_);
  held_.erase(std::find(held_.begin(), held_.end(), path));
}

/// One look at it; true when it has gone.
bool Drainer::finished(Leaving& leaving) {
  Generation& generation = *leaving.running->generation();
  const MonoMs now = SystemClock().mono_ms();
  if (generation.wait_idle(now + kSliceMs)) {
    const std::string path = leaving.running->recipe().file.path;
    retire(std::move(leaving.running), leaving.end_state);
    let_go(path);
    return true;
  }
  if (now >= leaving.soft) generation.cancel_all(ports::CancelReason::kReload);
  if (now < leaving.hard) return false;
  give_up(std::move(leaving.running));
  return true;
}

void Drainer::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !leaving_.empty(); })) {
    std::vector<Leaving> now;
    now.swap(leaving_);
    lock.unlock();
    const auto ended = std::erase_if(now, [&](Leaving& leaving) { return finished(leaving); });
    lock.lock();
    for (Leaving& leaving : now) leaving_.push_back(std::move(leaving));
    unfinished_ -= ended;
    changed_.notify_all();
    if (stop.stop_requested()) return;
  }
}

}  // namespace skep::plugin
