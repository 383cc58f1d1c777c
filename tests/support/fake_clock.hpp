// A clock that moves when a test says so.
#pragma once

#include <atomic>

#include "core/base/clock.hpp"

namespace skep::test {

class FakeClock final : public Clock {
 public:
  WallMs wall_ms() const override { return now_; }
  MonoMs mono_ms() const override { return now_ - kStart + 1'000; }
  /// Advances instead of sleeping.
  void sleep(Millis d, std::stop_token) override { now_ += d.count(); }
  void advance(Millis d) { now_ += d.count(); }

 private:
  static constexpr WallMs kStart = 1'768'000'000'000;
  std::atomic<WallMs> now_{kStart};
};

}  // namespace skep::test
