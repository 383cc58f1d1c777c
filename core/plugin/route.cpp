#include "core/plugin/route.hpp"

#include <chrono>
#include <optional>

namespace skep::plugin {
namespace {

constexpr Millis kRetry{500};

Error too_long(std::string_view what) {
  Error error = unavailable("the plugin is being replaced, and " + std::string(what));
  error.retry_after = kRetry;
  return error;
}

/// Why no further call is made, if so. A node that stops has no time for one that may hang as well.
std::optional<Error> refusal(const Route::Target& target, const CallRule& rule) {
  Generation& generation = *target.generation;
  const auto hang = generation.hung().of(target.component);
  if (!hang || (hang->calls < rule.most_hung && !generation.hurried())) return std::nullopt;
  return hangs(*hang, generation.owner(), SystemClock().mono_ms());
}

}  // namespace

Result<Route::Entered> Route::enter(const CallRule& rule) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  MutexLock lock(mutex_);
  if (closed_) {
    if (waiting_ >= kMaxWaiting) return too_long("too many calls wait for it");
    ++waiting_;
    for (bool in_time = true; closed_ && in_time;) in_time = opened_.wait_until(lock, until);
    --waiting_;
    if (closed_) return too_long("that takes too long");
  }
  if (auto refused = refusal(*target_, rule)) return std::move(*refused);
  auto call = std::make_shared<HostCall>(target_->generation->owner(), target_->component,
                                         SystemClock().mono_ms() + rule.limit.count());
  Generation::Visit visit(target_->generation, *call);
  return Entered{std::move(call), std::move(visit), target_, target_->instance.lock(), number_};
}

void Route::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
}

void Route::open(Target next) {
  auto target = std::make_shared<const Target>(std::move(next));
  {
    const MutexLock lock(mutex_);
    target_.swap(target);
    ++number_;
  }
  open();
}

void Route::open() {
  const MutexLock lock(mutex_);
  closed_ = false;
  opened_.notify_all();
}

}  // namespace skep::plugin
