// One reader of an event stream: where it stands in the node's own events and, on a control plane,
// in the durable ones.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/app/sse.hpp"
#include "core/base/clock.hpp"
#include "core/net/http.hpp"

namespace skep::app {

/// What somebody asked for.
struct EventWish {
  std::optional<EventCursor> since{};  ///< nothing: what happens next
  bool follow = true;                  ///< false: to the end of what is kept
  std::vector<std::string> kinds{};    ///< patterns of names; empty = all. Gaps are always told
};

/// One thread at a time. Events of both kinds come in the order of their times, as far as they are
/// there at the same time.
class EventReader {
 public:
  using Place = control::EventFeed::Place;
  /// `run` is the running process's; `waiting`, which outlives it, is woken when there is something
  /// new. Without `place` there are no durable events, and no ids of them.
  EventReader(std::string run, net::WaitList& waiting, EventWish wish,
              std::unique_ptr<Place> place);
  /// What there is, at once.
  net::StreamPart next();

 private:
  enum class Stored { kRead, kPending, kFailed, kClosed };

  void begin(const EventCursor& cursor);
  Stored gather();
  bool take_one();
  void take_node_event();
  void take_stored_event();
  void skip_stored_to(std::int64_t sequence);
  bool wanted(std::string_view name) const;

  net::WaitList& waiting_;
  const EventWish wish_;
  const std::unique_ptr<Place> place_;
  const SystemClock clock_;
  EventCursor here_;  ///< behind the last event that was sent, passed over or told as missing
  EventCursor told_;  ///< the last id that was sent
  std::deque<events::Event> node_;
  std::deque<std::shared_ptr<const control::StoredEvent>> stored_;
  std::int64_t stored_through_ = 0;
  bool node_more_ = false;    ///< further ones than in node_ are there already
  bool stored_more_ = false;  ///< the same of stored_
  std::string text_;
};

}  // namespace skep::app
