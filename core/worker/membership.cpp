#include "core/worker/membership.hpp"

#include <utility>

#include "core/base/log.hpp"

namespace skep::worker {
namespace {

constexpr std::string_view kTrouble = "control plane";

/// The control plane answered, and does not take this worker.
bool is_refusal(Code code) {
  return code == Code::kDenied || code == Code::kInvalid || code == Code::kState;
}

}  // namespace

void Membership::changed() {
  ++changes_;
  change_.notify_all();
}

bool Membership::registered() const {
  const MutexLock lock(mutex_);
  return registered_;
}

void Membership::set_registered(bool registered) {
  bool recovered = false;
  {
    const MutexLock lock(mutex_);
    if (std::exchange(registered_, registered) != registered) changed();
    was_registered_ |= registered;
    recovered = registered && recover();
  }
  if (recovered) log::info("worker_trouble_gone", {{"trouble", kTrouble}});
}

bool Membership::up() const {
  const MutexLock lock(mutex_);
  return up_;
}

void Membership::reached() {
  bool recovered = false;
  {
    const MutexLock lock(mutex_);
    if (!std::exchange(up_, true)) changed();
    recovered = registered_ && recover();  // results may pass where the worker does not
  }
  if (recovered) log::info("worker_trouble_gone", {{"trouble", kTrouble}});
}

/// True when the log has the trouble that ends here.
bool Membership::recover() {
  failing_since_ = 0;
  return std::exchange(told_, false);
}

void Membership::failed(const Error& error) {
  if (error.code == Code::kCancelled) return;  // by ourselves
  if (error.code == Code::kState) return conflict(error);
  const bool unknown = error.code == Code::kNotFound || error.code == Code::kDenied;
  if (unknown) set_registered(false);
  std::optional<Error> trouble;
  {
    const MutexLock lock(mutex_);
    if (conflicted_) return;
    // No news for anybody who waits.
    if (error.code != Code::kNotFound && error.code != Code::kInvalid) up_ = false;
    if (failing_since_ == 0) failing_since_ = clock_.mono_ms();
    failure_ = error;
    if (!told_) trouble = trouble_now();
    told_ |= trouble.has_value();
  }
  if (trouble)
    log::error("worker_trouble",
               {{"trouble", kTrouble},
                {"error", with_advice(*trouble)},
                {"effect", "no task is claimed; running ones end, their results are kept"}});
}

std::string Membership::trouble() const {
  std::optional<Error> now;
  {
    const MutexLock lock(mutex_);
    now = trouble_now();
  }
  return now ? with_advice(*now) : std::string();
}

std::optional<Error> Membership::trouble_now() const {
  if (failing_since_ == 0) return {};
  const Millis age{clock_.mono_ms() - failing_since_};
  const bool refused = is_refusal(failure_.code);
  if (!refused && was_registered_ && age < options_.patience) return {};
  std::string out = refused           ? "its control plane refuses it"
                    : was_registered_ ? "cut off from its control plane"
                                      : "it has not reached its control plane";
  out += " since " + to_iso(clock_.wall_ms() - age.count()) + ": " + failure_.message;
  return Error{failure_.code, std::move(out), {}, failure_.next};
}

std::string Membership::with_advice(const Error& trouble) const {
  std::string next = trouble.next;
  if (next.empty() && options_.advice) next = options_.advice(trouble.code);
  return next.empty() ? trouble.message : trouble.message + "; next: " + next;
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

void Membership::conflict(const Error& error) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(conflicted_, true)) return;
    failing_since_ = clock_.mono_ms();
    failure_ = error;
    changed();
  }
  log::error("worker_id_conflict",
             {{"detail", error.message},
              {"effect", "no more claims; running tasks end, then this process does"},
              {"next", "give each worker its own [node] id"}});
  if (options_.on_conflict) options_.on_conflict();
}

void Membership::set_backlog(Backlog backlog) {
  const MutexLock lock(mutex_);
  if (std::exchange(backlog_, backlog) != backlog) changed();
}

bool Membership::may_register() const {
  const MutexLock lock(mutex_);
  return backlog_ != Backlog::kUntried;
}

bool Membership::may_claim() const {
  const MutexLock lock(mutex_);
  return registered_ && !conflicted_ && mode_ == api::WorkerMode::kActive &&
         backlog_ == Backlog::kSettled;
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
