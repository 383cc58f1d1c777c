// What a child wrote to its stderr: the newest lines for a crash report, and all of them, within a
// rate, for the log.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"

namespace skep::plugin {

class LastLines {
 public:
  static constexpr std::size_t kKept = 8;         ///< lines
  static constexpr std::size_t kLineBytes = 400;  ///< of a line; the rest is cut off
  static constexpr int kPerSecond = 20;           ///< lines for the log

  /// Takes bytes as they come. The lines, whole and valid UTF-8, that go to the log.
  std::vector<std::string> add(std::string_view bytes, MonoMs now);
  /// A line that is in the log already.
  void keep(std::string line);
  /// What comes now belongs to something new.
  void forget();
  /// "a | b | c", oldest first; also a last line without its end.
  std::string text() const;

 private:
  bool admit(MonoMs now);
  std::deque<std::string> kept_;
  std::string open_;  ///< the line that has no end yet
  MonoMs window_ = 0;
  int in_window_ = 0;
  std::int64_t dropped_ = 0;
};

}  // namespace skep::plugin
