#include "core/base/clock.hpp"

#include <array>
#include <cstdio>

#include "core/base/mutex.hpp"

namespace skep {

std::int64_t SystemClock::read_ms(clockid_t id) const {
  timespec ts{};
  source_(id, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * 1000 + ts.tv_nsec / 1'000'000;
}

WallMs SystemClock::wall_ms() const { return read_ms(CLOCK_REALTIME); }
MonoMs SystemClock::mono_ms() const { return read_ms(CLOCK_MONOTONIC); }

void SystemClock::sleep(Millis d, std::stop_token stop) {
  const auto until = std::chrono::steady_clock::now() + d;
  Mutex mutex;
  StoppableCondVar stopped;
  MutexLock lock(mutex);
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < until)
    stopped.wait_until(lock, stop, until);
}

std::string to_iso(WallMs ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> out{};
  const int n = std::snprintf(out.data(), out.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                              parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                              parts.tm_min, parts.tm_sec,
                              static_cast<int>(ms - static_cast<std::int64_t>(seconds) * 1000));
  return {out.data(), static_cast<std::size_t>(n)};
}

std::optional<WallMs> from_iso(std::string_view text) {
  const std::string copy(text);
  tm parts{};
  int used = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 6)
    return std::nullopt;
  std::string_view rest = std::string_view(copy).substr(static_cast<std::size_t>(used));
  int fraction = 0;
  if (rest.starts_with('.')) {
    int scale = 100;
    rest.remove_prefix(1);
    if (rest.empty() || rest[0] < '0' || rest[0] > '9') return std::nullopt;
    for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), scale /= 10)
      fraction += (rest[0] - '0') * scale;
  }
  if (rest != "Z" && rest != "+00:00") return std::nullopt;
  if (parts.tm_mon < 1 || parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
      parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
    return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const int day = parts.tm_mday;
  const std::time_t seconds = timegm(&parts);
  if (parts.tm_mday != day) return std::nullopt;  // 31 February
  return static_cast<WallMs>(seconds) * 1000 + fraction;
}

}  // namespace skep
