#include "core/plugin/patience.hpp"

#include <chrono>
#include <utility>

#include "core/base/log.hpp"

namespace skep::plugin {

bool run_patiently(std::function<void()> call, Millis limit, std::function<void()> late) {
  if (limit.count() == 0) {
    call();
    return true;
  }
  auto hold = CallThreads::shared().take();
  if (!hold) {
    log::error("plugin_call_unguarded", {{"error", hold.error().message}});
    call();
    return true;
  }
  const auto until = std::chrono::steady_clock::now() + limit;
  hold->start(std::move(call), [late = std::move(late)] {
    if (late) late();
  });
  return hold->wait_until(until) || !hold->give_up();
}

}  // namespace skep::plugin
