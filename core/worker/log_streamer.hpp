// Collects the live output of running attempts into numbered chunks.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/wire.hpp"
#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/model/task.hpp"

namespace skep::worker {

struct OutputChunk {
  model::Lease lease;
  api::LogChunk chunk;
};

/// A chunk is due 200 ms after its first byte, at 64 KiB, or when its attempt ends. An attempt
/// keeps its first 1 MiB and, sent when it ends, its last 64 KiB. Of stdout and stderr the bytes
/// stay what they are, and no character of UTF-8 is cut; of the others what is no UTF-8 becomes
/// U+FFFD. Of the stream "progress" a chunk has the newest line alone, due after 1 s, and an
/// attempt the first 64 KiB. [any]
class LogStreamer {
 public:
  static constexpr MonoMs kMaxDelay = 200;
  static constexpr MonoMs kMaxProgressDelay = 1'000;
  static constexpr std::size_t kProgressBytes = 64u << 10;
  static constexpr std::size_t kChunkBytes = 64u << 10;
  static constexpr std::size_t kAttemptBytes = 1u << 20;
  static constexpr std::size_t kTailBytes = 64u << 10;

  /// True when whoever waits for next_due() has to look again.
  bool append(const model::Lease& lease, std::string_view stream, std::string_view bytes,
              MonoMs now);
  std::vector<OutputChunk> take_due(MonoMs now);
  struct Ended {
    std::optional<OutputChunk> rest;  ///< what is left, if anything
    std::int64_t chunks = 0;          ///< of the attempt, with that one
  };
  Ended finish(const model::Lease& lease);
  /// When the next chunk is due.
  std::optional<MonoMs> next_due() const;

 private:
  struct Stream {
    model::Lease lease;
    std::int64_t next_chunk = 0;
    std::vector<api::LogEntry> entries;
    std::size_t bytes = 0;     ///< in entries
    std::size_t total = 0;     ///< of the attempt
    std::size_t progress = 0;  ///< beside it: lines of progress
    bool cut = false;
    std::deque<api::LogEntry> tail;  ///< the newest output after the cut
    std::size_t tail_bytes = 0;
    std::size_t left_out = 0;  ///< bytes between the cut and the tail
    MonoMs due = 0;            ///< 0 = nothing waits
  };
  static bool append_progress(Stream& stream, std::string_view line, MonoMs now);
  static void append_tail(Stream& stream, std::string_view stream_name, std::string_view bytes);
  static void add_tail(Stream& stream);
  static bool due_by(Stream& stream, MonoMs when);
  std::optional<OutputChunk> take(Stream& stream, bool last);

  mutable Mutex mutex_;
  std::map<std::string, Stream> streams_ SKEP_GUARDED_BY(mutex_);  ///< by lease id
};

}  // namespace skep::worker
