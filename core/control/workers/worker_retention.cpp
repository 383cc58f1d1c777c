#include "core/control/workers/worker_retention.hpp"

#include "core/base/log.hpp"

namespace skep::control {
namespace {

constexpr Millis kBetweenLooks{60'000};

}  // namespace

Result<std::size_t> WorkerRetention::step() {
  const std::int64_t keep = keep_ms_;
  if (keep == 0) return std::size_t{0};
  const auto now = platform_.settled.now();
  if (!now) return now.error();
  std::size_t forgotten = 0;
  for (const std::string& id : directory_.last_seen_before(*now - keep)) {
    const Status done = service_.remove(id, "system");
    // Somebody else removed it, or it is back.
    const bool passed =
        !done && (done.error().code == Code::kNotFound || done.error().code == Code::kState);
    if (!done && !passed) return done.error();
    forgotten += done ? 1 : 0;
  }
  return forgotten;
}

void WorkerRetention::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (const auto done = step(); !done)
      log::warn("worker_retention_failed", {{"error", done.error().message}});
    platform_.clock.sleep(kBetweenLooks, stop);
  }
}

}  // namespace skep::control
