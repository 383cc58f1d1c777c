#include "core/worker/backoff.hpp"

#include <algorithm>

namespace skep::worker {
namespace {

constexpr Millis kShortest{50};
constexpr MonoMs kRepeatEvery = 60'000;

}  // namespace

Millis Backoff::next(Millis floor) {
  ++failures_;
  const int slow = std::clamp(failures_ - kFastTries, 0, 5);
  const Millis limit = std::min(limits_.slow, limits_.fast * (1 << slow));
  std::uniform_int_distribution<std::int64_t> pick(std::min(kShortest, limit).count(),
                                                   limit.count());
  return std::max(floor, Millis{pick(random_)});
}

bool Complaint::due(MonoMs now) {
  if (next_ != 0 && now < next_) return false;
  next_ = now + kRepeatEvery;
  return true;
}

}  // namespace skep::worker
