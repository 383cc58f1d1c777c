// The events of a node, as `skep events` and `skep plugin dev` read them.
#pragma once

#include <functional>
#include <string>

#include "core/cli/base/invocation.hpp"
#include "core/cli/base/sse_reader.hpp"

namespace skep::cli {

/// Hands over the events of `path`, which may have `since` ("0" = all that are kept, none = only
/// new ones), `kind` and `follow`, until the stream ends. `on_event` returns false to stop; the
/// answer is false then.
Expected<bool> read_events(Client& node, SseReader& reader, const std::string& path,
                           const std::function<bool(const SseEvent&)>& on_event);
/// One line for people, or the event's JSON.
void print_event(const Invocation& call, const SseEvent& event);

}  // namespace skep::cli
