#include "core/plugin/route.hpp"

namespace skep::plugin {
namespace {

constexpr Millis kRetry{500};

Error too_long(std::string_view what) {
  Error error = unavailable("the plugin is being replaced, and " + std::string(what));
  error.retry_after = kRetry;
  return error;
}

}  // namespace

Result<Route::Entered> Route::enter() {
  std::unique_lock lock(mutex_);
  if (closed_) {
    if (waiting_ >= kMaxWaiting) return too_long("too many calls wait for it");
    ++waiting_;
    opened_.wait_for(lock, kPatience, [&] { return !closed_; });
    --waiting_;
    if (closed_) return too_long("that takes too long");
  }
  return Entered{Generation::Lease(target_.generation, nullptr), target_.table, target_.inst,
                 target_.generation->number()};
}

void Route::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void Route::open(Target next) {
  {
    const std::lock_guard lock(mutex_);
    target_ = std::move(next);
  }
  open();
}

void Route::open() {
  const std::lock_guard lock(mutex_);
  closed_ = false;
  opened_.notify_all();
}

}  // namespace skep::plugin
