// How long to wait after the n-th failure in a row.
#pragma once

#include <cstdint>
#include <random>

#include "core/base/clock.hpp"

namespace skep::worker {

struct BackoffLimits {
  Millis fast{3'000};
  Millis slow{60'000};
};

/// 20 tries, each after up to 3 s (30 s in all on average: a restart of the control plane), then
/// full jitter up to 6, 12, 24, 48, 60 s: 10,000 workers come back spread over a minute.
class Backoff {
 public:
  static constexpr int kFastTries = 20;

  explicit Backoff(std::uint64_t seed = std::random_device{}(), BackoffLimits limits = {})
      : limits_(limits), random_(seed) {}
  /// The wait after one more failure, at least `floor`.
  Millis next(Millis floor = Millis{0});
  void reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  const BackoffLimits limits_;
  std::mt19937_64 random_;
  int failures_ = 0;
};

/// Tells when a repeated complaint is worth a line again: the first time, then once a minute. Not
/// thread-safe.
class Complaint {
 public:
  bool due(MonoMs now);
  void reset() { next_ = 0; }

 private:
  MonoMs next_ = 0;
};

}  // namespace skep::worker
