// The events of a node, as `skep events` and `skep plugin dev` read them.
#pragma once

#include <functional>
#include <string>

#include "core/cli/base/invocation.hpp"
#include "core/cli/base/sse_reader.hpp"

namespace skep::cli {

struct EventQuery {
  std::string route = "/api/node/events";
  std::string since = "0";  ///< the id before; "0" = all that are kept, "" = only new ones
  std::string kinds{};      ///< with commas; "" = all
  bool follow = false;      ///< go on with what happens next
};

/// Hands over the events until the stream ends. `on_event` returns false to stop; the answer is
/// false then.
Expected<bool> read_events(Client& node, SseReader& reader, const EventQuery& query,
                           const std::function<bool(const SseEvent&)>& on_event);
/// One line for people, or the event's JSON.
void print_event(const Invocation& call, const SseEvent& event);

}  // namespace skep::cli
