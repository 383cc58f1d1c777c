// Server-Sent Events as text (WHATWG HTML, 9.2), and the ids by which a reader resumes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/events.hpp"
#include "core/base/result.hpp"
#include "core/control/events/event_feed.hpp"

namespace skep::app {

/// Where a reader stands. Numbers of a node's own events begin anew with each process, so an id
/// carries the process: "3f9c01ab.17". With a control plane's durable events it goes on with their
/// number, which counts for every control plane of the database: "3f9c01ab.17.5021".
struct EventCursor {
  std::string run{};  ///< "" = any: the reader gave a bare number
  std::uint64_t number = 0;
  std::optional<std::int64_t> sequence{};
  bool operator==(const EventCursor&) const = default;
};
/// "3f9c01ab.17.5021", "3f9c01ab.17" or "17"; kInvalid for anything else.
Result<EventCursor> parse_cursor(std::string_view text);

// `id:`, `event:` and one line of `data:`. Pure.

/// {"id","at","event","fields"}
std::string sse_event(const EventCursor& id, const events::Event& event);
/// {"id","at","event","subject","actor","fields"}
std::string sse_event(const EventCursor& id, const control::StoredEvent& event);
/// No event, only the id from which a reader that heard nothing yet resumes.
std::string sse_position(const EventCursor& id);
/// An event "gap": so many are not kept any more, or were another process's. Resuming from its id
/// leads on behind them.
std::string sse_gap(const EventCursor& id, std::uint64_t missed, std::string_view reason);

}  // namespace skep::app
