#include "core/plugin/route.hpp"

#include <chrono>

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
  const auto until = std::chrono::steady_clock::now() + kPatience;
  MutexLock lock(mutex_);
  if (closed_) {
    if (waiting_ >= kMaxWaiting) return too_long("too many calls wait for it");
    ++waiting_;
    for (bool in_time = true; closed_ && in_time;) in_time = opened_.wait_until(lock, until);
    --waiting_;
    if (closed_) return too_long("that takes too long");
  }
  return Entered{Generation::Visit(target_.generation, nullptr), target_.table, target_.inst,
                 number_};
}

void Route::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
}

void Route::open(Target next) {
  {
    const MutexLock lock(mutex_);
    target_ = std::move(next);
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
