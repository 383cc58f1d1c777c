#include "core/worker/log_streamer.hpp"

#include <algorithm>

#include "core/base/utf8.hpp"

namespace skep::worker {
namespace {

constexpr std::string_view kProgress = "progress";

/// Length of the UTF-8 sequence that starts with `c`, 0 when none does.
std::size_t sequence_length(unsigned char c) {
  if (c < 0x80) return 1;
  if (c < 0xc2) return 0;
  if (c < 0xe0) return 2;
  if (c < 0xf0) return 3;
  return c < 0xf5 ? 4 : 0;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

/// Bytes at the end of `s` that may be the start of a sequence still to be completed.
std::size_t incomplete_tail(std::string_view s) {
  for (std::size_t n = 1; n <= std::min<std::size_t>(3, s.size()); ++n) {
    const auto c = static_cast<unsigned char>(s[s.size() - n]);
    if (is_continuation(s[s.size() - n])) continue;
    return sequence_length(c) > n ? n : 0;
  }
  return 0;
}

}  // namespace

bool LogStreamer::append(const model::Lease& lease, std::string_view stream_name,
                         std::string_view bytes, MonoMs now) {
  const MutexLock lock(mutex_);
  Stream& stream = streams_[lease.lease_id];
  stream.lease = lease;
  if (stream_name == kProgress) return append_progress(stream, bytes, now);
  if (bytes.empty()) return false;
  if (stream.cut) {
    append_tail(stream, stream_name, bytes);
    return false;
  }
  const std::size_t room = kAttemptBytes - stream.total;
  stream.cut = bytes.size() > room;
  const std::string_view all = bytes;
  bytes = clip_utf8(bytes, room);
  append_tail(stream, stream_name, all.substr(bytes.size()));
  if (stream.entries.empty() || stream.entries.back().stream != stream_name)
    stream.entries.push_back({std::string(stream_name), {}});
  stream.entries.back().text += bytes;
  if (stream.cut)
    stream.entries.push_back({"log", "output is cut here: more than 1 MiB; its end follows\n"});
  stream.bytes += bytes.size();
  stream.total += bytes.size();
  return due_by(stream, stream.bytes >= kChunkBytes ? now : now + kMaxDelay);
}

/// The newest kTailBytes; of what gives way a piece of an entry, too.
void LogStreamer::append_tail(Stream& stream, std::string_view stream_name,
                              std::string_view bytes) {
  if (bytes.empty()) return;
  if (stream.tail.empty() || stream.tail.back().stream != stream_name)
    stream.tail.push_back({std::string(stream_name), {}});
  stream.tail.back().text += bytes;
  stream.tail_bytes += bytes.size();
  while (stream.tail_bytes > kTailBytes) {
    std::string& oldest = stream.tail.front().text;
    const std::size_t gone = std::min(oldest.size(), stream.tail_bytes - kTailBytes);
    stream.tail_bytes -= gone;
    stream.left_out += gone;
    if (gone == oldest.size())
      stream.tail.pop_front();
    else
      oldest.erase(0, gone);
  }
}

void LogStreamer::add_tail(Stream& stream) {
  if (stream.tail.empty()) return;
  // Where it begins within a character, after that.
  std::string& first = stream.tail.front().text;
  for (int i = 0; i < 3 && stream.left_out > 0 && !first.empty() && is_continuation(first[0]);
       ++i) {
    first.erase(0, 1);
    ++stream.left_out;
  }
  if (stream.left_out > 0)
    stream.entries.push_back(
        {"log", std::to_string(stream.left_out) + " bytes are left out; the end:\n"});
  for (api::LogEntry& entry : stream.tail) stream.entries.push_back(std::move(entry));
}

bool LogStreamer::append_progress(Stream& stream, std::string_view line, MonoMs now) {
  const auto known = std::find_if(stream.entries.begin(), stream.entries.end(),
                                  [](const api::LogEntry& e) { return e.stream == kProgress; });
  if (known != stream.entries.end()) {
    known->text = line;
    return false;
  }
  stream.progress += line.size();
  if (stream.progress > kProgressBytes) return false;
  // In front, so that output that was cut within a character stays the last.
  stream.entries.insert(stream.entries.begin(), {std::string(kProgress), std::string(line)});
  return due_by(stream, now + kMaxProgressDelay);
}

/// True when that is sooner than before.
bool LogStreamer::due_by(Stream& stream, MonoMs when) {
  if (stream.due != 0 && stream.due <= when) return false;
  stream.due = when;
  return true;
}

/// Nothing while there is only the beginning of a character, which the next bytes may complete.
std::optional<OutputChunk> LogStreamer::take(Stream& stream, bool last) {
  std::vector<api::LogEntry> entries = std::exchange(stream.entries, {});
  stream.bytes = 0;
  stream.due = 0;
  std::string& tail = entries.back().text;
  if (const std::size_t n = last ? 0 : incomplete_tail(tail); n > 0) {
    stream.entries.push_back({entries.back().stream, tail.substr(tail.size() - n)});
    tail.resize(tail.size() - n);
    if (tail.empty()) entries.pop_back();
  }
  if (entries.empty()) return std::nullopt;
  for (api::LogEntry& entry : entries)
    if (entry.stream != "stdout" && entry.stream != "stderr") entry.text = to_utf8(entry.text);
  return OutputChunk{stream.lease, {stream.next_chunk++, std::move(entries)}};
}

std::vector<OutputChunk> LogStreamer::take_due(MonoMs now) {
  const MutexLock lock(mutex_);
  std::vector<OutputChunk> out;
  for (auto& [id, stream] : streams_)
    if (stream.due != 0 && stream.due <= now)
      if (auto chunk = take(stream, false)) out.push_back(std::move(*chunk));
  return out;
}

LogStreamer::Ended LogStreamer::finish(const model::Lease& lease) {
  const MutexLock lock(mutex_);
  const auto at = streams_.find(lease.lease_id);
  if (at == streams_.end()) return {};
  Ended out;
  add_tail(at->second);
  if (!at->second.entries.empty()) out.rest = take(at->second, true);
  out.chunks = at->second.next_chunk;
  streams_.erase(at);
  return out;
}

std::optional<MonoMs> LogStreamer::next_due() const {
  const MutexLock lock(mutex_);
  std::optional<MonoMs> next;
  for (const auto& [id, stream] : streams_)
    if (stream.due != 0 && (!next || stream.due < *next)) next = stream.due;
  return next;
}

}  // namespace skep::worker
