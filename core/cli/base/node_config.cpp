#include "core/cli/base/node_config.hpp"

namespace skep::cli {
namespace {

Result<std::vector<std::pair<std::string, std::string>>> overrides_of(
    const std::vector<std::string>& pairs) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& pair : pairs) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos)
      return usage_error("--set \"" + pair + "\" is not KEY=VALUE", "--set worker.concurrency=8");
    out.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return out;
}

bool is_said(const config::Loaded& loaded, const std::string& key) {
  return loaded.origins.at(key).kind != config::Layer::kDefault;
}

}  // namespace

std::vector<Option> config_options() {
  return {{"set", 0, "KEY=VALUE", "override one key, such as worker.concurrency=8", true}};
}

Expected<config::LoadOptions> config_source(Invocation& call) {
  auto overrides = overrides_of(call.args.all("set"));
  if (!overrides) return overrides.error();
  return config::LoadOptions{call.args.get("config"), call.environment, std::move(*overrides)};
}

Expected<config::Inspected> inspect_config(Invocation& call, bool optional) {
  const std::string path = call.args.get("config");
  auto source = config_source(call);
  if (!source) return source.error();
  auto found = config::inspect(*source);
  if (!optional && path.empty() && !is_said(found.loaded, "node.roles") &&
      !is_said(found.loaded, "worker.control_plane_url"))
    return Failure(usage_error("no configuration file is given",
                               "-c FILE   or   SKEP_CONFIG=FILE   or, for a demo, skep up\n"
                               "a worker from variables alone: WORKER_CONTROL_PLANE_URL=URL"));
  if (!optional && found.problems.empty() && config::says_nothing(found.loaded))
    found.problems.push_back(path +
                             ": sets nothing; a node must be told what it is, such as [node] "
                             "roles = [\"control\"] or [\"worker\"]");
  if (found.problems.empty())
    for (const std::string& warning : found.loaded.warnings)
      call.console.note("warning: " + warning);
  return found;
}

Failure config_failure(const Invocation& call, const std::vector<std::string>& problems) {
  return failure_of_all(config::problems_error(problems, call.args.get("config")), problems);
}

Expected<config::Loaded> load_config(Invocation& call, bool optional) {
  auto found = inspect_config(call, optional);
  if (!found) return found.error();
  if (!found->problems.empty()) return config_failure(call, found->problems);
  return std::move(found->loaded);
}

}  // namespace skep::cli
