#include "core/cli/node_target.hpp"

#include "core/cli/node_config.hpp"

namespace skep::cli {
namespace {

/// Options are filled from the environment when they are not typed.
bool is_typed(const Session& s, const std::string& option, const std::string& variable) {
  if (!s.args.has(option)) return false;
  const auto set = s.environment.find(variable);
  return set == s.environment.end() || set->second != s.args.get(option);
}

}  // namespace

Outcome<std::string> node_server(Session& s) {
  const bool has_config = !s.args.get("config").empty();
  if (s.args.has("server") && (is_typed(s, "server", "SKEP_SERVER") || !has_config))
    return s.args.get("server");
  auto source = config_source(s);
  if (!source) return source.error();
  const auto found = config::inspect(*source);
  const auto origin = found.loaded.origins.find("node.state_dir");
  const bool unknown =
      origin == found.loaded.origins.end() || origin->second.kind == config::Layer::kDefault;
  if (unknown && !found.problems.empty()) {
    Failure failure = config_failure(s, found.problems);
    failure.error.next += "   or name the node: --set node.state_dir=FOLDER";
    return failure;
  }
  return "unix:" + found.loaded.config.node.state_dir + "/node.sock";
}

Outcome<Client> node_client(Session& s) {
  const auto server = node_server(s);
  if (!server) return server.error();
  return s.connect(*server);
}

}  // namespace skep::cli
