// skep events
#include "core/cli/events.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ostream>
#include <thread>

#include "core/cli/format.hpp"
#include "core/cli/interrupt.hpp"
#include "core/cli/node_config.hpp"

namespace skep::cli {
namespace {

/// Between two attempts to reach a node that went away.
constexpr Millis kRetry{1'000};
constexpr Millis kLook{50};

std::string fields_text(const json::object& event) {
  const json::value* fields = event.if_contains("fields");
  if (fields == nullptr || !fields->is_object()) return {};
  std::string out;
  for (const auto& [key, value] : fields->get_object()) {
    const std::string text = value.is_string() ? std::string(value.get_string()) : to_text(value);
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", std::string_view(key), text);
  }
  return printable(out);
}

bool is_away(const Failure& failure) {
  return failure.error.code == Code::kUnavailable || failure.error.code == Code::kBusy;
}

void pause() {
  for (Millis left = kRetry; left.count() > 0 && !interrupted(); left -= kLook)
    std::this_thread::sleep_for(kLook);
}

Outcome<int> run_events(Session& s) {
  auto node = s.node();
  if (!node) return node.error();
  const bool follow = s.args.has("follow");
  if (follow) catch_interrupts();
  std::string since = s.args.get("since", follow ? "" : "0");
  SseReader reader;
  for (bool first = true;; first = false) {
    const std::string path = with_query(
        "/api/events",
        {{"since", since}, {"kind", s.args.get("kind", "")}, {"follow", follow ? "" : "false"}});
    const auto ended = read_events(*node, reader, path, [&](const SseEvent& event) {
      print_event(s, event);
      return s.console.out.good();
    });
    if (interrupted()) return Failure(Error{Code::kCancelled, "interrupted"});
    if (!ended && (first || !is_away(ended.error()))) return ended.error();
    if (ended && (!follow || !*ended)) return 0;
    if (first) s.console.note("the node went away; waiting for it");
    if (!reader.last_id().empty()) since = reader.last_id();
    pause();
  }
}

}  // namespace

void print_event(const Session& s, const SseEvent& event) {
  const auto parsed = parse_json(event.data);
  if (!s.for_people() || !parsed || !parsed->is_object()) {
    s.console.out << (s.format == Format::kName ? event.id : event.data) << '\n' << std::flush;
    return;
  }
  const json::object& o = parsed->get_object();
  const std::string at = get_string(o, "at");
  s.console.out << fmt::format("{:24}  ", at.empty() ? "-" : at)
                << s.console.paint(Style::kBold, fmt::format("{:20}", printable(event.name)))
                << "  " << fields_text(o) << '\n'
                << std::flush;
}

Outcome<bool> read_events(Client& node, SseReader& reader, const std::string& path,
                          const std::function<bool(const SseEvent&)>& on_event) {
  reader.restart();
  bool wanted = true;
  const auto ended = node.stream(path, {}, [&](std::string_view bytes) {
    wanted = reader.feed(bytes, on_event);
    return wanted;
  });
  if (!ended) return ended.error();
  return wanted;
}

std::vector<Command> event_commands() {
  Command c{"events", "what happens: plugins, scripts, configuration; tasks, workers, artifacts"};
  c.options = config_options();
  c.options.push_back({"follow", 'f', "", "go on with what happens next, also after a restart"});
  c.options.push_back({"since", 0, "ID", "begin after this event; 0 = all that is kept"});
  c.options.push_back({"kind", 0, "NAMES", "only these, with commas; a * at the end: task.*"});
  c.notes =
      "Without -f, the events that are still kept: the last 1024 of the node, and those that a\n"
      "control plane keeps in its database, of tasks, workers and artifacts. -o jsonl prints each\n"
      "as JSON with its id; an event \"gap\" says how many were missed in between.";
  c.examples = {"skep events -c node.toml", "skep events -f --kind 'task.failed,worker.*'",
                "skep events -f -o jsonl --server http://127.0.0.1:9595"};
  c.run = run_events;
  return {std::move(c)};
}

}  // namespace skep::cli
