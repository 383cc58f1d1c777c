#include "core/plugin/isolation/child_pool.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/base/log.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::plugin {
namespace {

constexpr Millis kStopGrace{2'000};  // for an idle child to stop its component

Error stopped_error(const ChildPlugin& plugin) {
  return unavailable("plugin " + plugin.plugin_id + " (generation " +
                     std::to_string(plugin.generation) + ") was stopped");
}

bool is_noexec(const std::string& file) {
  struct statvfs fs {};
  return ::statvfs(file.c_str(), &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0;
}

/// The same, kNotHere when this node lacks what every child of the plugin needs: another may have
/// it.
Error of_this_node(const ChildPlugin& plugin, Error error) {
  if (Child::is_given_up(error)) return error;
  const std::string& file = plugin.file.path;
  if (::access(plugin.plughost.c_str(), X_OK) != 0) {
    error.message += "; " + plugin.plughost + " is missing or cannot be run: install it again";
    error.code = Code::kNotHere;
  } else if (::access(file.c_str(), R_OK) != 0 || is_noexec(file) ||
             error.name == kChangedAfterCheck) {
    error.code = Code::kNotHere;
  }
  return error;
}

}  // namespace

ChildPool::ChildPool(ChildPlugin plugin)
    : plugin_(std::move(plugin)),
      copy_(plugin_.file),
      expiry_([this](std::stop_token stop) { expire(stop); }) {}

ChildPool::~ChildPool() { stop(Millis{0}); }

Result<std::unique_ptr<Child>> ChildPool::pop_idle() {
  const MutexLock lock(mutex_);
  if (stopped_) return stopped_error(plugin_);
  if (idle_.empty()) {
    SKEP_TRY(backoff_.allow(proc::monotonic_ms()));
    return std::unique_ptr<Child>();
  }
  auto child = std::move(idle_.back().child);
  idle_.pop_back();
  busy_.push_back(child.get());
  return child;
}

Result<std::unique_ptr<Child>> ChildPool::take(const proc::CallControl& call) {
  for (;;) {
    auto child = pop_idle();
    if (!child) return child.error();
    if (!*child) return start_one(call);
    if ((*child)->get_ready()) return child;
    const MutexLock lock(mutex_);
    no_longer_busy(**child);
  }
}

void ChildPool::no_longer_busy(const Child& child) {
  std::erase(busy_, &child);
  if (stopped_) freed_.notify_all();
}

void ChildPool::count_failure(MonoMs began, const Error& error) {
  if (Child::is_given_up(error)) return;
  stats_.last_error = error.message;
  const bool counted = backoff_.failed(began, proc::monotonic_ms(), error);
  if (counted && backoff_.failures() == StartBackoff::kCrashLoop)
    log::error("plugin_crash_loop", {{"plugin", plugin_.plugin_id},
                                     {"generation", plugin_.generation},
                                     {"error", error.message}});
}

Result<std::unique_ptr<Child>> ChildPool::start_one(const proc::CallControl& call) {
  const MonoMs began = proc::monotonic_ms();
  const Status there = copy_.put_back();
  auto child = there ? Child::start(plugin_, call) : there.error();
  if (!child) child = of_this_node(plugin_, child.error());
  const MutexLock lock(mutex_);
  if (!child) {
    count_failure(began, child.error());
    return child.error();
  }
  backoff_.succeeded();
  ++stats_.started;
  if (stopped_) return stopped_error(plugin_);
  busy_.push_back(child->get());
  return child;
}

void ChildPool::count_end(const Child& child) {
  if (child.state() == Child::State::kReady) return;
  ++(child.state() == Child::State::kCrashed ? stats_.crashes : stats_.kills);
  stats_.last_error = child.last_error();
}

/// The scripts that it knows and nobody runs any more.
std::vector<std::string> ChildPool::dropped_in(const Child& child) const {
  std::vector<std::string> gone;
  std::set_difference(child.scripts().begin(), child.scripts().end(), scripts_.begin(),
                      scripts_.end(), std::back_inserter(gone));
  return gone;
}

void ChildPool::give_back(std::unique_ptr<Child> child) {
  const auto is_over = [&child] { return child->state() != Child::State::kReady; };
  const bool worn = child->is_worn();
  MutexLock lock(mutex_);
  std::vector<std::string> gone;
  while (!is_over() && !worn && !(gone = dropped_in(*child)).empty()) {
    lock.unlock();  // it may be slow to read
    for (const std::string& id : gone) child->drop(id);
    lock.lock();
  }
  const bool over = is_over();
  no_longer_busy(*child);
  count_end(*child);
  bool spare = false;
  if (!over && !worn && !stopped_ && !plugin_.per_task) {
    idle_.push_back({std::move(child), proc::monotonic_ms()});
    spare = idle_.size() == 2;
  }
  lock.unlock();
  // Not for every task: to wake a thread on another CPU costs more than the task itself.
  if (spare) spare_.notify_one();
  if (child && !over) child->stop(kStopGrace);
}

std::unique_ptr<Child> ChildPool::take_one_that_knows(std::string_view dropped) {
  const MutexLock lock(mutex_);
  if (scripts_.contains(dropped)) return nullptr;  // somebody wants it again
  const auto idle = std::find_if(idle_.begin(), idle_.end(),
                                 [&](const Idle& i) { return i.child->knows(dropped); });
  if (idle == idle_.end()) return nullptr;
  auto child = std::move(idle->child);
  idle_.erase(idle);
  busy_.push_back(child.get());
  return child;
}

void ChildPool::drop_script(std::string_view id) {
  {
    const MutexLock lock(mutex_);
    if (const auto known = scripts_.find(id); known != scripts_.end()) scripts_.erase(known);
  }
  while (auto child = take_one_that_knows(id)) give_back(std::move(child));
}

void ChildPool::keep_script(std::string_view id) {
  const MutexLock lock(mutex_);
  scripts_.emplace(id);
}

ChildStats ChildPool::stats() const {
  const MutexLock lock(mutex_);
  ChildStats out = stats_;
  out.busy = static_cast<std::int64_t>(busy_.size());
  out.children = out.busy + static_cast<std::int64_t>(idle_.size());
  out.start_failures = backoff_.failures();
  out.state = stopped_                   ? "stopped"
              : backoff_.in_crash_loop() ? "crash-loop"
              : backoff_.failures() > 0  ? "backoff"
                                         : "ready";
  return out;
}

/// All but the warmest that have been idle too long; waits until there are some.
std::vector<ChildPool::Idle> ChildPool::take_expired(MutexLock& lock, const std::stop_token& stop) {
  const MonoMs limit = plugin_.limits.idle_timeout.count();
  while (!stop.stop_requested()) {
    const MonoMs now = proc::monotonic_ms();
    std::vector<Idle> out;
    while (idle_.size() > 1 && idle_.front().since + limit <= now) {
      out.push_back(std::move(idle_.front()));
      idle_.erase(idle_.begin());
    }
    if (!out.empty()) return out;
    if (idle_.size() < 2)
      spare_.wait(lock, stop);
    else
      spare_.wait_for(lock, stop, Millis(idle_.front().since + limit - now));
  }
  return {};
}

void ChildPool::expire(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    std::vector<Idle> expired = take_expired(lock, stop);
    lock.unlock();
    for (Idle& idle : expired) idle.child->stop(kStopGrace);
    expired.clear();
    lock.lock();
  }
}

void ChildPool::stop(Millis grace) {
  std::vector<Idle> idle;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    idle.swap(idle_);
  }
  expiry_.request_stop();
  for (Idle& i : idle) i.child->stop(kStopGrace);
  const auto until = std::chrono::steady_clock::now() + grace;
  MutexLock lock(mutex_);
  for (bool in_time = true; !busy_.empty() && in_time;) in_time = freed_.wait_until(lock, until);
  for (Child* child : busy_) child->doom();
  while (!busy_.empty()) freed_.wait(lock);
}

}  // namespace skep::plugin
