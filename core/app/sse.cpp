#include "core/app/sse.hpp"

#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::app {
namespace {

constexpr std::size_t kLongestRun = 64;

std::string id_of(std::string_view run, std::uint64_t number) {
  return std::string(run) + "." + std::to_string(number);
}

std::string framed(std::string_view id, std::string_view name, std::string_view data) {
  std::string out;
  out.append("id: ").append(id).append("\nevent: ").append(name);
  return out.append("\ndata: ").append(data).append("\n\n");
}

}  // namespace

Result<EventCursor> parse_cursor(std::string_view text) {
  EventCursor cursor;
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos) cursor.run = clip_utf8(text.substr(0, dot), kLongestRun);
  const auto number = to_int(text.substr(dot == std::string_view::npos ? 0 : dot + 1));
  if (!number || *number < 0 || dot == 0)
    return invalid("event id \"" + std::string(clip_utf8(text, kLongestRun)) +
                   "\" is no id of this stream")
        .named("bad-query")
        .with_next("an id as the stream gave it, such as 3f9c01ab.17, or 0 for all that is kept");
  cursor.number = static_cast<std::uint64_t>(*number);
  return cursor;
}

std::string sse_event(std::string_view run, const events::Event& event) {
  const std::string id = id_of(run, event.id);
  JsonOut data;
  data.object().key("id").str(id).key("at").time_or_null(event.at).key("event").str(event.name);
  data.key("fields").raw(event.fields).end_object();
  return framed(id, event.name, data.take());
}

std::string sse_position(std::string_view run, std::uint64_t number) {
  return "id: " + id_of(run, number) + "\n\n";
}

std::string sse_gap(std::string_view run, std::uint64_t first, std::uint64_t last,
                    std::string_view reason) {
  const std::string id = id_of(run, last);
  JsonOut data;
  data.object().key("id").str(id).key("event").str("gap").key("fields").object();
  data.key("missed").integer(static_cast<std::int64_t>(last - first + 1));
  data.key("reason").str(reason).end_object().end_object();
  return framed(id, "gap", data.take());
}

}  // namespace skep::app
