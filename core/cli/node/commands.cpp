// skep start
#include "core/cli/node/commands.hpp"

#include <iterator>

#include "core/app/app.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/node/verbs.hpp"

namespace skep::cli {
namespace {

Expected<int> start(Invocation& call) {
  const auto loaded = load_config(call);
  if (!loaded) return loaded.error();
  const auto source = config_source(call);
  if (!source) return source.error();
  return app::run_node(*loaded, *source);
}

Command start_command() {
  Command c{"start", "run a node in the foreground, as its TOML file or variables say"};
  c.options = config_options();
  c.notes =
      "SIGTERM drains: running tasks get [worker] drain_seconds, results reach the disk first.\n"
      "Without a file the node must be told what it is: a control_plane_url makes it a worker.";
  c.examples = {"skep start -c control.toml",
                "skep start -c worker.toml --set worker.concurrency=8",
                "WORKER_ID=w1 WORKER_CONTROL_PLANE_URL=http://control:8000 skep start"};
  c.run = start;
  return c;
}

}  // namespace

std::vector<Command> node_commands() {
  std::vector<Command> out{start_command()};
  const auto add = [&out](std::vector<Command> more) {
    std::move(more.begin(), more.end(), std::back_inserter(out));
  };
  add(show_commands());
  add({events_command()});
  add(config_commands());
  return out;
}

}  // namespace skep::cli
