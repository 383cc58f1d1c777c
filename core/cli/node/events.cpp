// skep events
#include "core/cli/node/verbs.hpp"

#include <ostream>

#include "core/cli/base/absence.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/base/node_events.hpp"

namespace skep::cli {
namespace {

/// After a stream that the node ended: it stops, or somebody between us ends what lasts long.
constexpr Millis kAfterItsEnd{1'000};

Expected<int> run_events(Invocation& call) {
  auto node = call.node(Reach::kEvents);
  if (!node) return node.error();
  const bool follow = call.args.has("follow");
  if (follow) catch_interrupts();
  EventQuery query{"/api/events", call.args.get("since", follow ? "" : "0"),
                   call.args.get("kind", ""), follow};
  SseReader reader;
  Absence absence(*node, call.console);
  for (;;) {
    const auto ended = read_events(*node, reader, query, [&](const SseEvent& event) {
      print_event(call, event);
      return call.console.out.good();
    });
    if (interrupted()) return Failure(interruption());
    if (ended && (!follow || !*ended)) return 0;
    if (!reader.last_id().empty()) query.since = reader.last_id();
    if (ended) sleep_or_interrupt(call.console.clock(), kAfterItsEnd);
    if (!ended && !(follow && absence.bear(ended.error()))) return ended.error();
  }
}

}  // namespace

Command events_command() {
  Command c{"events", "what happens: plugins, scripts, configuration; tasks, workers, releases"};
  c.options = config_options();
  c.options.push_back(
      {"follow", 'f', "", "go on with what happens next, also after a restart (see --timeout)"});
  c.options.push_back({"since", 0, "ID", "begin after this event; 0 = all that is kept"});
  c.options.push_back({"kind", 0, "NAMES", "only these, with commas; a * at the end: task.*"});
  c.notes =
      "Without -f, the events that are still kept: the last 1024 of the node, and those that a\n"
      "control plane keeps in its database, of tasks, workers and releases. -o jsonl prints each\n"
      "as JSON with its id; an event \"gap\" says how many were missed in between. In the folder\n"
      "of a skep up its control plane is asked. A worker has no events of tasks: it refuses such\n"
      "a --kind.";
  c.examples = {"skep events -c node.toml", "skep events -f --kind 'task.failed,worker.*'",
                "skep events -f -o jsonl --server http://127.0.0.1:9595"};
  c.run = run_events;
  return c;
}

}  // namespace skep::cli
