// A clock that moves when a test says so.
#pragma once

#include <atomic>

#include "core/base/clock.hpp"

namespace skep::test {

class FakeClock final : public Clock {
 public:
  WallMs wall_ms() const override { return now_ + set_by_; }
  MonoMs mono_ms() const override { return now_ - kStart + 1'000; }
  /// Advances instead of sleeping.
  void sleep(Millis d, std::stop_token) override { now_ += d.count(); }
  void advance(Millis d) { now_ += d.count(); }
  /// Somebody sets the wall clock.
  void set(Millis by) { set_by_ += by.count(); }

 private:
  static constexpr WallMs kStart = 1'768'000'000'000;
  std::atomic<WallMs> now_{kStart};
  std::atomic<std::int64_t> set_by_{0};
};

}  // namespace skep::test
