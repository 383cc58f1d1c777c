// skep plugin list, show, reload: of a running node when one answers, else read from the files,
// without loading them
#include <boost/json.hpp>
#include <filesystem>
#include <ostream>
#include <set>

#include "core/app/admission.hpp"
#include "core/app/plugin_json.hpp"
#include "core/base/text.hpp"
#include "core/cli/format.hpp"
#include "core/cli/node_config.hpp"
#include "core/cli/node_word.hpp"
#include "core/cli/plugin_scan.hpp"
#include "core/cli/plugin_view.hpp"
#include "core/plugin/registry.hpp"

namespace skep::cli {
namespace {

struct Plugins {
  json::value list;      ///< {"items":[..],"next_cursor":null}
  bool running = false;  ///< a node said so
};

/// What the node of -c would not load counts as refused.
Outcome<json::value> scan(Session& s) {
  auto scanned = scan_plugins(s);
  if (!scanned) return scanned.error();
  if (scanned->config) {
    const auto gate = app::make_gate(*scanned->config);
    if (!gate) return gate.error();
    app::refuse_untrusted(**gate, scanned->plugins);
  }
  return json::value(app::plugin_list(scanned->plugins));
}

Outcome<Plugins> find(Session& s) {
  if (!s.args.has("path")) {
    auto answer = ask_running_node(s, "/api/node/plugins");
    if (!answer) return answer.error();
    if (*answer) return Plugins{std::move(**answer), true};
  }
  auto list = scan(s);
  if (!list) return list.error();
  return Plugins{std::move(*list), false};
}

Outcome<int> list_plugins(Session& s) {
  auto found = find(s);
  if (!found) return found.error();
  const auto plugins = items_of(found->list);
  if (s.format == Format::kName) {
    std::set<std::string> names;
    for (const json::object* p : plugins)
      if (get_string(*p, "state") != "refused" && names.insert(plugin_name(*p)).second)
        s.console.out << printable(plugin_name(*p)) << '\n';
    return 0;
  }
  const json::value document =
      s.for_people() ? json::value(plugin_rows(found->list.get_object(), s.format == Format::kWide))
                     : found->list;
  print_list(s.console, s.format, document, plugin_columns(found->running), "id", "");
  if (s.for_people()) print_reasons(s.console, found->list, s.format == Format::kWide, plugin_name);
  int refused = 0;
  for (const json::object* p : plugins) refused += get_string(*p, "state") == "refused" ? 1 : 0;
  if (refused > 0 && s.for_people())
    s.console.note(std::to_string(refused) + " refused; next: skep plugin show ID");
  return 0;
}

Outcome<int> show_plugin(Session& s) {
  const auto found = find(s);
  if (!found) return found.error();
  const std::string id = s.args.get("ID");
  std::vector<std::string> known;
  for (const json::object* p : items_of(found->list)) {
    known.push_back(plugin_name(*p));
    if (plugin_name(*p) != id) continue;
    if (!print_document(s.console, s.format, *p, "id")) print_plugin(s.console, *p);
    return 0;
  }
  Error missing = not_found("plugin", id);
  missing.message += "; " + suggestion(id, known);
  return Failure(std::move(missing).with_next("skep plugin list"));
}

Outcome<int> reload_plugin(Session& s) {
  auto node = s.node();
  if (!node) return node.error();
  const std::string id = s.args.get("ID");
  const auto answer = node->post("/api/node/plugins/" + encode_part(id) + "/reload" +
                                 (s.args.has("force") ? "?force=true" : ""));
  if (!answer) return answer.error();
  if (!answer->is_object())
    return Failure(Error{Code::kCorrupt, node->server() + " answered no JSON object"});
  if (print_document(s.console, s.format, *answer, "id")) return 0;
  const json::object& o = answer->get_object();
  s.console.out << "plugin " << printable(id) << " generation " << get_int(o, "generation")
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
  all.run = list_plugins;
  Command one{"plugin show",
              "show a plugin: generations, components, schemas, or why it is refused"};
  one.positionals = {{"ID", "plugin id"}};
  one.options = plugin_options();
  one.run = show_plugin;
  Command again{"plugin reload",
                "bring the newest file of a plugin into service on a running node"};
  again.positionals = {{"ID", "plugin id"}};
  again.options = config_options();
  again.options.push_back(
      {"force", 0, "", "take the file out of quarantine; it then serves without probation"});
  again.run = reload_plugin;
  return {std::move(all), std::move(one), std::move(again)};
}

}  // namespace skep::cli
