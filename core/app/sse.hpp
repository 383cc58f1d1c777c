// Server-Sent Events as text (WHATWG HTML, 9.2), and the ids by which a reader resumes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/events.hpp"
#include "core/base/result.hpp"

namespace skep::app {

/// Where a reader stands. Event numbers begin anew with each process, so an id carries the process:
/// "3f9c01ab.17".
struct EventCursor {
  std::string run;  ///< "" = any: the reader gave a bare number
  std::uint64_t number = 0;
};
/// "3f9c01ab.17" or "17"; kInvalid for anything else.
Result<EventCursor> parse_cursor(std::string_view text);

/// `id:`, `event:` and one line of `data:`, {"id","at","event","fields"}. Pure.
std::string sse_event(std::string_view run, const events::Event& event);
/// No event, only the id from which a reader that heard nothing yet resumes. Pure.
std::string sse_position(std::string_view run, std::uint64_t number);
/// An event "gap": what lies between is not kept any more, or was another process's. Resuming from
/// its id leads on to `last` + 1. Pure.
std::string sse_gap(std::string_view run, std::uint64_t first, std::uint64_t last,
                    std::string_view reason);

}  // namespace skep::app
