// skep plugin list, show, reload: of a running node when one answers, else read from the files,
// without loading them
#include "core/cli/plugin/commands.hpp"

#include <boost/json.hpp>
#include <filesystem>
#include <iterator>
#include <ostream>
#include <set>

#include "core/app/admission.hpp"
#include "core/app/plugin_json.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/base/plugin_scan.hpp"
#include "core/cli/base/plugin_view.hpp"
#include "core/cli/base/running_node.hpp"
#include "core/cli/plugin/verbs.hpp"
#include "core/plugin/registry.hpp"

namespace skep::cli {
namespace {

struct Plugins {
  json::value list;      ///< {"items":[..],"next_cursor":null}
  bool running = false;  ///< a node said so
};

/// What the node of -c would not load counts as refused.
Expected<json::value> scan(Invocation& call) {
  auto scanned = scan_plugins(call);
  if (!scanned) return scanned.error();
  if (scanned->config) {
    const auto gate = app::make_gate(*scanned->config);
    if (!gate) return gate.error();
    app::refuse_untrusted(**gate, scanned->plugins);
  }
  return json::value(app::plugin_list(scanned->plugins));
}

Expected<Plugins> find(Invocation& call) {
  if (!call.args.has("path")) {
    auto answer = ask_running_node(call, "/api/node/plugins");
    if (!answer) return answer.error();
    if (*answer) return Plugins{std::move(**answer), true};
  }
  auto list = scan(call);
  if (!list) return list.error();
  return Plugins{std::move(*list), false};
}

Expected<int> list(Invocation& call) {
  auto found = find(call);
  if (!found) return found.error();
  const auto plugins = items_of(found->list);
  if (call.format == Format::kName) {
    std::set<std::string> names;
    for (const json::object* p : plugins)
      if (get_string(*p, "state") != "refused" && names.insert(plugin_name(*p)).second)
        call.console.out << printable(plugin_name(*p)) << '\n';
    return 0;
  }
  const json::value document =
      call.for_people()
          ? json::value(plugin_rows(found->list.get_object(), call.format == Format::kWide))
          : found->list;
  print_list(call.console, call.format, document, plugin_columns(found->running), "id", "");
  if (call.for_people())
    print_reasons(call.console, found->list, call.format == Format::kWide, plugin_name);
  int refused = 0;
  for (const json::object* p : plugins) refused += get_string(*p, "state") == "refused" ? 1 : 0;
  if (refused > 0 && call.for_people())
    call.console.note(std::to_string(refused) + " refused; next: skep plugin show ID");
  return 0;
}

Expected<int> show(Invocation& call) {
  const auto found = find(call);
  if (!found) return found.error();
  const std::string id = call.args.get("ID");
  std::vector<std::string> known;
  for (const json::object* p : items_of(found->list)) {
    known.push_back(plugin_name(*p));
    if (plugin_name(*p) != id) continue;
    if (!print_document(call.console, call.format, *p, "id")) print_plugin(call.console, *p);
    return 0;
  }
  Error missing = not_found("plugin", id);
  missing.message += "; " + suggestion(id, known);
  return Failure(std::move(missing).with_next("skep plugin list"));
}

Expected<int> reload(Invocation& call) {
  auto node = call.node();
  if (!node) return node.error();
  const std::string id = call.args.get("ID");
  const auto answer = node->post("/api/node/plugins/" + encode_part(id) + "/reload" +
                                 (call.args.has("force") ? "?force=true" : ""));
  if (!answer) return answer.error();
  if (print_document(call.console, call.format, *answer, "id")) return 0;
  const json::object& o = answer->get_object();
  call.console.out << "plugin " << printable(id) << " generation " << get_int(o, "generation")
                   << ", version " << printable(get_string(o, "version"))
                   << (get_bool(o, "changed") ? ", serves now" : ", serves already") << '\n';
  return 0;
}

}  // namespace

std::vector<Command> plugin_commands() {
  Command all{"plugin list",
              "list plugins, refused ones with the reason; -o name lists what can be used"};
  all.options = plugin_options();
  all.notes =
      "Asks the running node of -c FILE or --server URL for its generations (-o wide: also those\n"
      "that are over). When none answers, the files say what there is. Below the table: why a "
      "file\n"
      "is refused, or why the newest one does not serve.";
  all.run = list;
  Command one{"plugin show",
              "show a plugin: generations, components, schemas, or why it is refused"};
  one.positionals = {{"ID", "plugin id"}};
  one.options = plugin_options();
  one.run = show;
  Command again{"plugin reload",
                "bring the newest file of a plugin into service on a running node"};
  again.positionals = {{"ID", "plugin id"}};
  again.options = config_options();
  again.options.push_back(
      {"force", 0, "", "take the file out of quarantine; it then serves without probation"});
  again.run = reload;
  std::vector<Command> out{std::move(all), std::move(one), std::move(again), new_command()};
  auto checks = check_commands();
  std::move(checks.begin(), checks.end(), std::back_inserter(out));
  out.push_back(install_command());
  out.push_back(dev_command());
  return out;
}

}  // namespace skep::cli
