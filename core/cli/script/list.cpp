// skep script list: of a running node when one answers, else read from the files
#include "core/cli/script/verbs.hpp"

#include <boost/json.hpp>
#include <filesystem>

#include "core/app/app.hpp"
#include "core/app/node_files.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/base/plugin_view.hpp"
#include "core/cli/base/running_node.hpp"
#include "core/cli/base/script_runner.hpp"
#include "skep/kind/task.h"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

/// Who has a task type already: plugins before scripts, and of two scripts the first.
using Owners = std::map<std::string, std::string>;

Expected<Owners> plugin_owners(const config::Config& config) {
  plugin::RegistryOptions options;
  app::set_plugin_search(config, options);
  plugin::Registry registry(std::move(options));
  if (const auto scanned = registry.scan(); !scanned) return Failure(scanned.error());
  Owners out;
  for (const plugin::PluginInfo& p : registry.list())
    for (const plugin::ComponentInfo& c : p.components)
      if (c.kind == SKEP_KIND_TASK && p.state == plugin::PluginState::kAvailable)
        out.emplace(c.name, "plugin " + p.id);
  return out;
}

/// What would become of the script on a node with this policy.
void judge(json::object& o, const plugin::ScriptManifest& manifest, const std::string& path,
           const plugin::ScriptPolicy& policy, Owners& owners) {
  const auto say = [&](const char* state, const std::string& reason) {
    o["state"] = state;
    o["reason"] = reason;
  };
  if (!policy.rule(manifest.name).enabled)
    return say("disabled", "[scripts." + manifest.name + "] enabled = false");
  const Status granted = policy.check(fs::path(path).filename().string(), manifest.name,
                                      manifest.permissions, app::is_shipped_script(path));
  if (!granted) return say("refused", granted.error().with_advice());
  const auto [owner, free] = owners.emplace(manifest.name, path);
  if (!free)
    return say("shadowed", "task type " + manifest.name + " is served by " + owner->second +
                               "\n  next: rename one of the two, or turn one off");
  say("ready", "");
}

json::object describe(const std::string& path, ScriptRunner& runner,
                      const plugin::ScriptPolicy& policy, Owners& owners) {
  json::object o{{"name", fs::path(path).stem().string()}, {"path", path}};
  const auto source = read_source(path);
  const auto manifest = source ? runner.inspect(source->file, source->text)
                               : Expected<plugin::ScriptManifest>(source.error());
  if (!manifest) {
    o["state"] = "failed";
    o["reason"] = manifest.error().error.message;
    return o;
  }
  o["name"] = manifest->name;
  o["version"] = manifest->version;
  o["description"] = manifest->description;
  o["permissions"] = json::value_from(manifest->permissions);
  judge(o, *manifest, path, policy, owners);
  return o;
}

Expected<json::value> scan(Invocation& call) {
  const auto loaded = load_config(call, true);
  if (!loaded) return loaded.error();
  const config::Config& config = loaded->config;
  const auto policy = plugin::parse_script_policy(config.scripts.allow, config.scripts.tables);
  if (!policy) return Failure(policy.error());
  auto runner = ScriptRunner::open(call.args.all("plugins"));
  if (!runner) return runner.error();
  auto owners = plugin_owners(config);
  if (!owners) return owners.error();
  json::array items;
  for (const std::string& path : plugin::find_scripts(app::script_paths(config), ".lua"))
    items.push_back(describe(path, **runner, *policy, *owners));
  return json::value(json::object{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

std::vector<Column> columns(bool running) {
  std::vector<Column> out{
      text_column("NAME", "name"),
      text_column("VERSION", "version"),
      {"STATE", [](const json::object& o) { return status_cell(get_string(o, "state")); }}};
  if (running)
    for (Column& column : generation_columns())
      if (column.title != "ISOLATION") out.push_back(std::move(column));
  out.push_back(text_column("PATH", "path", true));
  out.push_back(text_column("DESCRIPTION", "description", false, Fit::kCut));
  return out;
}

Expected<int> list(Invocation& call) {
  auto answer = ask_running_node(call, "/api/node/scripts");
  if (!answer) return answer.error();
  const bool running = answer->has_value();
  auto found = running ? Expected<json::value>(std::move(**answer)) : scan(call);
  if (!found) return found.error();
  const bool every = call.format == Format::kWide;
  const json::value document =
      call.for_people() ? json::value(plugin_rows(found->get_object(), every)) : *found;
  print_list(call.console, call.format, document, columns(running), "name",
             "no scripts; next: skep script new NAME");
  if (call.for_people())
    print_reasons(call.console, *found, every,
                  [](const json::object& o) { return get_string(o, "name"); });
  return 0;
}

}  // namespace

Command list_command() {
  Command c{"script list", "the scripts of a node, and what keeps them from running"};
  c.options = config_options();
  c.options.push_back(language_option());
  c.notes =
      "Asks the running node of -c FILE or --server URL for its generations (-o wide: also those\n"
      "that are over). When none answers, the files say what a node would make of them.";
  c.run = list;
  return c;
}

}  // namespace skep::cli
