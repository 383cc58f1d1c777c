#include "core/plugin/isolation/start_backoff.hpp"

#include <algorithm>

namespace skep::plugin {
namespace {

constexpr MonoMs kFirst = 500;
constexpr MonoMs kLongestDelay = 60'000;
constexpr std::int64_t kMaxDoublings = 7;  // from the first beyond the most

}  // namespace

Status StartBackoff::allow(MonoMs now) const {
  if (now >= not_before_) return {};
  Error error = unavailable("its process did not start " + std::to_string(failures_) +
                            " times in a row; the next try is in " +
                            std::to_string(not_before_ - now) + " ms; last: " + why_.message);
  if (why_.code == Code::kNotHere) error.code = Code::kNotHere;
  error.name = in_crash_loop() ? "plugin-crash-loop" : "plugin-start-failed";
  error.retry_after = Millis(not_before_ - now);
  return error;
}

bool StartBackoff::failed(MonoMs began, MonoMs now, const Error& why) {
  if (began < not_before_) return false;
  const MonoMs delay = kFirst << std::min(failures_, kMaxDoublings);
  ++failures_;
  not_before_ = now + std::min(delay, kLongestDelay);
  why_ = why;
  return true;
}

void StartBackoff::succeeded() {
  failures_ = 0;
  not_before_ = 0;
  why_ = {};
}

}  // namespace skep::plugin
