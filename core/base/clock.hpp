// Time, injected: everything that waits or stamps takes a Clock.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace skep {

using Millis = std::chrono::milliseconds;
/// Milliseconds since 1970 UTC.
using WallMs = std::int64_t;
/// Milliseconds of CLOCK_MONOTONIC.
using MonoMs = std::int64_t;

/// Whole milliseconds of the seconds that configurations and documents speak of.
constexpr std::int64_t seconds_to_ms(double seconds) {
  return static_cast<std::int64_t>(seconds * 1000);
}

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallMs wall_ms() const = 0;
  virtual MonoMs mono_ms() const = 0;
  /// Sleeps for `d`, or less when `stop` is requested or `wake()` is called. [any]
  virtual void sleep(Millis d, std::stop_token stop) = 0;
};

/// The machine's clocks. Instants that people name follow the wall clock as it is corrected; what
/// lasts a while is measured by mono_ms().
class SystemClock final : public Clock {
 public:
  /// What clock_gettime() is.
  using Source = int (*)(clockid_t, timespec*);
  explicit SystemClock(Source source = ::clock_gettime) : source_(source) {}
  WallMs wall_ms() const override;
  MonoMs mono_ms() const override;
  void sleep(Millis d, std::stop_token stop) override;

 private:
  std::int64_t read_ms(clockid_t id) const;
  Source source_;
};

/// 2026-01-10T12:34:56.789Z
std::string to_iso(WallMs ms);
/// Reads what to_iso writes, with or without fraction; also a plain date-time with offset Z.
std::optional<WallMs> from_iso(std::string_view text);

}  // namespace skep
