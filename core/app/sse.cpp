#include "core/app/sse.hpp"

#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::app {
namespace {

constexpr std::size_t kLongestRun = 64;

std::string text_of(const EventCursor& id) {
  std::string out = id.run + "." + std::to_string(id.number);
  return id.sequence ? out + "." + std::to_string(*id.sequence) : out;
}

std::string framed(std::string_view id, std::string_view name, std::string_view data) {
  std::string out;
  out.append("id: ").append(id).append("\nevent: ").append(name);
  return out.append("\ndata: ").append(data).append("\n\n");
}

std::optional<std::int64_t> count_of(std::string_view text) {
  const auto number = to_int(text);
  return number && *number >= 0 ? number : std::nullopt;
}

}  // namespace

Result<EventCursor> parse_cursor(std::string_view text) {
  const auto parts = split(text, '.');
  const bool bare = parts.size() == 1;
  const auto number = parts.size() > 3 ? std::nullopt : count_of(parts[bare ? 0 : 1]);
  const auto sequence = parts.size() == 3 ? count_of(parts[2]) : std::nullopt;
  if (!number || (!bare && parts[0].empty()) || sequence.has_value() != (parts.size() == 3))
    return invalid("event id \"" + std::string(clip_utf8(text, kLongestRun)) +
                   "\" is no id of this stream")
        .named("bad-query")
        .with_next("an id as the stream gave it, such as 3f9c01ab.17, or 0 for all that is kept");
  return EventCursor{bare ? "" : std::string(clip_utf8(parts[0], kLongestRun)),
                     static_cast<std::uint64_t>(*number), sequence};
}

std::string sse_event(const EventCursor& cursor, const events::Event& event) {
  const std::string id = text_of(cursor);
  JsonOut data;
  data.object().key("id").str(id).key("at").time_or_null(event.at).key("event").str(event.name);
  data.key("fields").raw(event.fields).end_object();
  return framed(id, event.name, data.take());
}

std::string sse_event(const EventCursor& cursor, const control::StoredEvent& event) {
  const std::string id = text_of(cursor);
  JsonOut data;
  data.object().key("id").str(id).key("at").time_or_null(event.at).key("event").str(event.kind);
  data.key("subject").str(event.subject).key("actor").str_or_null(event.actor);
  data.key("fields").raw(event.fields).end_object();
  return framed(id, event.kind, data.take());
}

std::string sse_position(const EventCursor& id) { return "id: " + text_of(id) + "\n\n"; }

std::string sse_gap(const EventCursor& cursor, std::uint64_t missed, std::string_view reason) {
  const std::string id = text_of(cursor);
  JsonOut data;
  data.object().key("id").str(id).key("event").str("gap").key("fields").object();
  data.key("missed").integer(static_cast<std::int64_t>(missed));
  data.key("reason").str(reason).end_object().end_object();
  return framed(id, "gap", data.take());
}

}  // namespace skep::app
