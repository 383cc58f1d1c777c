// Where lines of the log go: to stderr, and in a node without anybody waiting for who reads it.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/clock.hpp"

namespace skep::log {

/// Writes the line and its end: on this thread, or by the Writer's while there is one. [any]
void put_line(std::string_view line);
/// Lines that were left out since the process began. [any]
std::int64_t dropped_lines();

/// A pipe or terminal that nobody reads must not stop a node. While one lives, a thread of its own
/// writes, and what does not fit into `capacity` bytes of memory is left out and counted; once
/// lines go again, "log_lines_dropped" tells how many. One at a time; make it before any other
/// thread.
class Writer {
 public:
  static constexpr std::size_t kCapacity = 1u << 20;

  explicit Writer(int fd = STDERR_FILENO, std::size_t capacity = kCapacity);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  /// Waits at most a second for what is left. Whatever comes then is lost if nobody reads, and
  /// written by its caller otherwise.
  ~Writer();
  /// False when not all was written within `time`.
  bool flush(Millis time);

 private:
  class Queue;
  std::shared_ptr<Queue> queue_;
};

}  // namespace skep::log
