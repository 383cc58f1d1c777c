#include "core/cli/node_config.hpp"

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

}  // namespace

std::vector<Option> config_options() {
  return {{"set", 0, "KEY=VALUE", "override one key, such as worker.concurrency=8", true}};
}

Outcome<config::LoadOptions> config_source(Session& s) {
  auto overrides = overrides_of(s.args.all("set"));
  if (!overrides) return overrides.error();
  return config::LoadOptions{s.args.get("config"), s.environment, std::move(*overrides)};
}

Outcome<config::Inspected> inspect_config(Session& s, bool optional) {
  const std::string path = s.args.get("config");
  if (path.empty() && !optional)
    return Failure(usage_error("no configuration file is given",
                               "-c FILE   or   SKEP_CONFIG=FILE   or, for a demo, skep up"));
  auto source = config_source(s);
  if (!source) return source.error();
  auto found = config::inspect(*source);
  if (found.problems.empty())
    for (const std::string& warning : found.loaded.warnings) s.console.note("warning: " + warning);
  return found;
}

Failure config_failure(const Session& s, const std::vector<std::string>& problems) {
  return failure_of_all(config::problems_error(problems, s.args.get("config")), problems);
}

Outcome<config::Loaded> load_config(Session& s, bool optional) {
  auto found = inspect_config(s, optional);
  if (!found) return found.error();
  if (!found->problems.empty()) return config_failure(s, found->problems);
  return std::move(found->loaded);
}

}  // namespace skep::cli
