#include "core/cli/base/node_events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ostream>

#include "core/base/describe.hpp"
#include "core/base/visible.hpp"
#include "core/cli/base/format.hpp"

namespace skep::cli {
namespace {

constexpr std::size_t kNameWidth = 20;

/// Who did it, "" when that is the control plane itself or not known.
std::string doer_of(const json::object& event) {
  const std::string actor = get_string(event, "actor");
  return actor.starts_with("operator:") || actor.starts_with("worker:") ? actor : "";
}

/// "7f3a by worker:w1  ": the event's subject and who did it, as far as there are any.
std::string subject_text(const json::object& event) {
  const std::string doer = doer_of(event);
  std::string out = get_string(event, "subject");
  if (!doer.empty()) out += (out.empty() ? "by " : " by ") + doer;
  return out.empty() ? "" : printable(out) + "  ";
}

std::string fields_text(const json::object& event) {
  const json::value* fields = event.if_contains("fields");
  if (fields == nullptr || !fields->is_object()) return {};
  std::string out;
  for (const auto& [key, value] : fields->get_object()) {
    const std::string text =
        value.is_string() ? std::string(value.get_string()) : plain_text(value);
    if (key == "worker_id" && doer_of(event) == "worker:" + text) continue;  // said already
    const bool uncounted = get_string(event, "event") == "gap" && key == "missed" && text == "0";
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", std::string_view(key),
                       uncounted ? "nobody knows how many" : text);
  }
  return printable(out);
}

}  // namespace

void print_event(const Invocation& call, const SseEvent& event) {
  const auto parsed = parse_json(event.data);
  if (!call.for_people() || !parsed || !parsed->is_object()) {
    call.console.out << (call.format == Format::kName ? printable(event.id)
                                                      : visible_json(event.data))
                     << '\n'
                     << std::flush;
    return;
  }
  const json::object& o = parsed->get_object();
  const std::string at = get_string(o, "at");
  const std::string when = fmt::format("{:24}  ", or_dash(printable(at)));
  const std::string name = printable(event.name);
  const std::string gap(
      std::max<std::size_t>(display_width(name), kNameWidth) + 2 - display_width(name), ' ');
  const std::string rest = wrapped_below(subject_text(o) + fields_text(o), call.console.width,
                                         display_width(when + name + gap));
  call.console.out << when << call.console.paint(Style::kBold, name)
                   << (rest.starts_with('\n') ? "" : gap) << rest << '\n'
                   << std::flush;
}

Expected<bool> read_events(Client& node, SseReader& reader, const EventQuery& query,
                           const std::function<bool(const SseEvent&)>& on_event) {
  reader.restart();
  bool wanted = true;
  const std::string path = with_query(
      query.route,
      {{"since", query.since}, {"kind", query.kinds}, {"follow", query.follow ? "" : "false"}});
  const auto ended = node.stream(path, query.follow, [&](std::string_view bytes) {
    wanted = reader.feed(bytes, on_event);
    return wanted;
  });
  if (!ended) return ended.error();
  return wanted;
}

}  // namespace skep::cli
