// skep start
#include "core/app/app.hpp"
#include "core/cli/node_config.hpp"

namespace skep::cli {
namespace {

Outcome<int> start(Session& s) {
  const auto loaded = load_config(s);
  if (!loaded) return loaded.error();
  const auto source = config_source(s);
  if (!source) return source.error();
  return app::run_node(*loaded, *source);
}

}  // namespace

std::vector<Command> start_commands() {
  Command c{"start", "run a node in the foreground, as its TOML file says"};
  c.options = config_options();
  c.notes =
      "SIGTERM drains: running tasks get [worker] drain_seconds, results reach the disk first.";
  c.examples = {"skep start -c control.toml",
                "skep start -c worker.toml --set worker.concurrency=8"};
  c.run = start;
  return {std::move(c)};
}

}  // namespace skep::cli
