#include "core/plugin/generation.hpp"

#include <algorithm>
#include <chrono>

#include "core/base/log.hpp"

namespace skep::plugin {

Generation::Generation(std::string owner, GenerationInfo info)
    : owner_(std::move(owner)), number_(info.number), info_(std::move(info)) {
  info_.state = GenerationState::kStarting;
}

GenerationInfo Generation::info() const {
  const MutexLock lock(mutex_);
  GenerationInfo out = info_;
  out.calls = tally_.calls;
  out.failures = tally_.faults;
  return out;
}

CallTally Generation::tally() const {
  const MutexLock lock(mutex_);
  return tally_;
}

GenerationState Generation::state() const {
  const MutexLock lock(mutex_);
  return info_.state;
}

bool Generation::apply(GenerationEvent event, std::string_view reason) {
  MutexLock lock(mutex_);
  const GenerationState from = info_.state;
  const auto to = next(from, event);
  if (to) {
    enter(*to);
    if (!reason.empty()) info_.reason = reason;
    return true;
  }
  lock.unlock();
  log::error("generation_event_refused", {{"id", owner_},
                                          {"generation", number_},
                                          {"state", to_string(from)},
                                          {"event", to_string(event)}});
  return false;
}

void Generation::enter(GenerationState to) {
  const SystemClock clock;
  info_.state = to;
  if (serves(to)) {
    if (info_.active_at == 0) info_.active_at = clock.wall_ms();
    drain_began_ = 0;
  } else if (drains(to)) {
    if (drain_began_ == 0) drain_began_ = clock.mono_ms();
  } else if (drain_began_ != 0) {
    info_.drain_ms = clock.mono_ms() - drain_began_;
  }
}

void Generation::on_end(std::function<void(CallEnd)> hook) {
  auto shared = hook ? std::make_shared<const std::function<void(CallEnd)>>(std::move(hook))
                     : std::shared_ptr<const std::function<void(CallEnd)>>();
  const MutexLock lock(mutex_);
  on_end_.swap(shared);
}

bool Generation::wait_idle(MonoMs deadline) {
  const auto until = std::chrono::steady_clock::time_point(std::chrono::milliseconds(deadline));
  MutexLock lock(mutex_);
  bool in_time = true;
  while (info_.inside > 0 && in_time) in_time = idle_.wait_until(lock, until);
  return info_.inside == 0;
}

void Generation::cancel_all(ports::CancelReason reason) {
  const MutexLock lock(mutex_);
  for (ports::CancelToken* cancel : inside_) cancel->cancel(reason);
  for (HostCall* call : host_calls_) call->cancel(reason);
}

void Generation::hurry() {
  const MutexLock lock(mutex_);
  hurried_ = true;
  for (HostCall* call : host_calls_) call->hurry();
}

bool Generation::hurried() const {
  const MutexLock lock(mutex_);
  return hurried_;
}

namespace {

template <class T>
void remove_one(std::vector<T*>& from, T* one) {
  if (one == nullptr) return;
  const auto at = std::find(from.begin(), from.end(), one);
  *at = from.back();
  from.pop_back();
}

}  // namespace

void Generation::enter(ports::CancelToken* cancel, HostCall* call) {
  const MutexLock lock(mutex_);
  ++info_.inside;
  if (cancel != nullptr) inside_.push_back(cancel);
  if (call == nullptr) return;
  host_calls_.push_back(call);
  if (hurried_) call->hurry();
}

void Generation::leave(ports::CancelToken* cancel, HostCall* call, CallEnd end) {
  std::shared_ptr<const std::function<void(CallEnd)>> hook;
  {
    const MutexLock lock(mutex_);
    remove_one(inside_, cancel);
    remove_one(host_calls_, call);
    ++tally_.calls;
    if (end >= CallEnd::kFailed) ++tally_.failed;
    if (end >= CallEnd::kFault) ++tally_.faults;
    if (end >= CallEnd::kCrash) ++tally_.crashes;
    if (--info_.inside == 0) idle_.notify_all();
    hook = on_end_;
  }
  if (hook) (*hook)(end);
}

Generation::Visit::Visit(std::shared_ptr<Generation> generation, ports::CancelToken* cancel)
    : generation_(std::move(generation)), cancel_(cancel) {
  generation_->enter(cancel_, nullptr);
}

Generation::Visit::Visit(std::shared_ptr<Generation> generation, HostCall& call)
    : generation_(std::move(generation)), call_(&call) {
  generation_->enter(nullptr, call_);
}

Generation::Visit::~Visit() {
  if (generation_) generation_->leave(cancel_, call_, end_);
}

}  // namespace skep::plugin
