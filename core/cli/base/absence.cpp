#include "core/cli/base/absence.hpp"

#include <algorithm>

#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"

namespace skep::cli {
namespace {

constexpr Millis kFirstPause{250};
constexpr Millis kLongestPause{5'000};

bool is_away(Code code) {
  return code == Code::kUnavailable || code == Code::kBusy || code == Code::kDeadline;
}

}  // namespace

bool Absence::bear(const Failure& failure, Millis at_most) {
  if (client_.answers() == 0 || !is_away(failure.error.code)) return false;
  const Millis limit = client_.patience();
  const bool bounded = limit.count() > 0;
  const MonoMs now = console_.clock().mono_ms();
  if (client_.answers() != answers_) {
    answers_ = client_.answers();
    since_ = now;
    pause_ = kFirstPause;
    console_.note(failure.error.message + "; trying again" +
                  (bounded ? " for " + human_duration(limit.count()) : ""));
  }
  const Millis left = bounded ? Millis{since_ + limit.count() - now} : Millis::max();
  if (left.count() <= 0) return false;
  sleep_or_interrupt(console_.clock(),
                     std::min({std::max(pause_, failure.error.retry_after), left, at_most}));
  pause_ = std::min(pause_ * 2, kLongestPause);
  return true;
}

}  // namespace skep::cli
