// Server-Sent Events out of the bytes of a stream.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace skep::cli {

struct SseEvent {
  std::string id;
  std::string name;
  std::string data;
};

/// Comments and unknown fields are skipped; an event longer than 1 MiB is too.
class SseReader {
 public:
  /// Takes the next bytes, in any portions; `on_event` hears of each event that is complete, until
  /// it returns false. False then.
  bool feed(std::string_view bytes, const std::function<bool(const SseEvent&)>& on_event);
  /// Another stream begins: what the last one left half said is dropped.
  void restart();
  /// The id to resume after, "" = none yet.
  const std::string& last_id() const { return last_id_; }

 private:
  void take_line(std::string_view line);

  std::string line_;
  SseEvent event_;
  std::string last_id_;
  bool too_long_ = false;
};

}  // namespace skep::cli
