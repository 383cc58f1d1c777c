#include "core/cli/node_config.hpp"

#include "core/base/text.hpp"

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

/// One headline; every line of a long message becomes a detail.
Failure config_failure(const Error& error, const std::string& path) {
  if (error.code != Code::kConfig) return error;
  const auto lines = split(error.message, '\n');
  const std::string next = error.next.empty() ? "skep config check -c " + path : error.next;
  if (lines.size() == 1) return Error(error).with_next(next);
  Error headline{Code::kConfig, lines.front(), error.name, next};
  return {std::move(headline), {}, {lines.begin() + 1, lines.end()}};
}

}  // namespace

std::vector<Option> config_options() {
  return {{"config", 'c', "FILE", "the node's TOML file", false, {}, "SKEP_CONFIG"},
          {"set", 0, "KEY=VALUE", "override one key, such as worker.concurrency=8", true}};
}

Outcome<config::Loaded> load_config(Session& s, bool optional) {
  const std::string path = s.args.get("config");
  if (path.empty() && !optional)
    return Failure(usage_error("no configuration file is given",
                               "-c FILE   or   SKEP_CONFIG=FILE   or, for a demo, skep up"));
  auto overrides = overrides_of(s.args.all("set"));
  if (!overrides) return overrides.error();
  auto loaded = config::load({path, s.environment, std::move(*overrides)});
  if (!loaded) return config_failure(loaded.error(), path);
  for (const std::string& warning : loaded->warnings) s.console.note("warning: " + warning);
  return std::move(*loaded);
}

}  // namespace skep::cli
