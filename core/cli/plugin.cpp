// skep plugin list, show: read from the files, without loading them
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <ostream>
#include <set>

#include "core/app/admission.hpp"
#include "core/base/text.hpp"
#include "core/cli/format.hpp"
#include "core/cli/node_config.hpp"
#include "core/cli/plugin_scan.hpp"
#include "core/plugin/registry.hpp"

namespace skep::cli {
namespace {

using plugin::ComponentInfo;
using plugin::PluginInfo;

/// What the node of -c would not load counts as refused.
Outcome<std::vector<PluginInfo>> scan(Session& s) {
  auto scanned = scan_plugins(s);
  if (!scanned) return scanned.error();
  if (scanned->config) {
    const auto gate = app::make_gate(*scanned->config);
    if (!gate) return gate.error();
    app::refuse_untrusted(**gate, scanned->plugins);
  }
  return std::move(scanned->plugins);
}

json::value parsed_or_null(const std::string& text) {
  auto v = parse_json(text);
  return v ? std::move(*v) : json::value();
}

json::object document_of(const ComponentInfo& c) {
  json::object o{{"name", c.name}, {"kind", c.kind}, {"description", c.description}};
  o["config_schema"] = parsed_or_null(c.config_schema);
  o["params_schema"] = parsed_or_null(c.params_schema);
  o["max_concurrency"] = c.max_concurrency;
  o["default_timeout_ms"] = c.default_timeout_ms;
  json::array permissions;
  for (const std::string& p : c.permissions) permissions.emplace_back(p);
  o["permissions"] = std::move(permissions);
  return o;
}

json::object document_of(const PluginInfo& p) {
  json::object o{{"id", p.id},           {"version", p.version},
                 {"license", p.license}, {"description", p.description},
                 {"path", p.path},       {"sha256", p.sha256},
                 {"state", p.state},     {"reason", p.reason}};
  json::array components;
  for (const ComponentInfo& c : p.components) components.push_back(document_of(c));
  o["components"] = std::move(components);
  return o;
}

/// "skep.kind.task/1" as "task".
std::string short_kind(std::string kind) {
  constexpr std::string_view kPrefix = "skep.kind.";
  if (kind.starts_with(kPrefix)) kind.erase(0, kPrefix.size());
  return kind.substr(0, kind.find('/'));
}

std::string components_text(const json::object& p) {
  std::vector<std::string> out;
  if (const json::value* v = p.if_contains("components"); v != nullptr && v->is_array())
    for (const json::value& c : v->get_array())
      out.push_back(short_kind(get_string(c.get_object(), "kind")) + ":" +
                    get_string(c.get_object(), "name"));
  return out.empty() ? "-" : join(out, " ");
}

std::vector<Column> plugin_columns() {
  const auto text = [](std::string key) {
    return [key = std::move(key)](const json::object& p) {
      const std::string value = get_string(p, key);
      return Cell(value.empty() ? "-" : value);
    };
  };
  return {{"ID", text("id")},
          {"VERSION", text("version")},
          {"STATE", [](const json::object& p) { return status_cell(get_string(p, "state")); }},
          {"COMPONENTS", [](const json::object& p) { return Cell(components_text(p)); }},
          {"LICENSE", text("license"), true},
          {"PATH", text("path"), true},
          {"SHA256", text("sha256"), true},
          {"NOTE", [](const json::object& p) {
             return Cell(split(get_string(p, "reason"), '\n').front());
           }}};
}

/// A refused file may have no readable id: then its file name stands for it.
std::string name_of(const PluginInfo& p) {
  return p.id.empty() ? std::filesystem::path(p.path).filename().string() : p.id;
}

Outcome<int> list(Session& s) {
  const auto found = scan(s);
  if (!found) return found.error();
  json::array items;
  int refused = 0;
  std::set<std::string> names;
  for (const PluginInfo& p : *found) {
    const bool usable = p.state != "refused" && names.insert(p.id).second;
    if (s.format == Format::kName && !usable) continue;
    json::object o = document_of(p);
    o["id"] = name_of(p);
    items.push_back(std::move(o));
    if (p.state == "refused") ++refused;
  }
  json::object document;
  document["items"] = std::move(items);
  document["next_cursor"] = nullptr;
  print_list(s.console, s.format, document, plugin_columns(), "id", "");
  if (refused > 0 && s.for_people())
    s.console.note(std::to_string(refused) + " refused; next: skep plugin show ID");
  return 0;
}

void print_component(const Console& c, const ComponentInfo& component) {
  c.out << '\n'
        << c.paint(Style::kBold, printable(component.name)) << "  " << printable(component.kind)
        << "\n  " << printable(component.description) << '\n';
  if (component.max_concurrency > 0)
    c.out << "  at most " << component.max_concurrency << " at once\n";
  if (component.default_timeout_ms > 0)
    c.out << "  default timeout " << human_duration(component.default_timeout_ms) << '\n';
  if (!component.permissions.empty())
    c.out << "  permissions " << printable(join(component.permissions, ", ")) << '\n';
  for (const auto& [title, schema] :
       {std::pair{"params", component.params_schema}, {"config", component.config_schema}})
    if (const auto v = parse_json(schema); v && v->is_object() && !v->get_object().empty())
      c.out << "  " << title << " schema\n" << indented(printable(pretty(*v), true), "    ");
}

void print_plugin(const Console& c, const PluginInfo& p) {
  for (const auto& [title, value] : {std::pair{"id", name_of(p)},
                                     {"version", p.version},
                                     {"state", p.state},
                                     {"license", p.license},
                                     {"about", p.description},
                                     {"path", p.path},
                                     {"sha256", p.sha256}})
    if (!value.empty()) {
      std::string label(title);
      label.resize(9, ' ');
      c.out << label << printable(value) << '\n';
    }
  if (!p.reason.empty()) c.out << "reason\n" << indented(printable(p.reason, true), "  ");
  for (const ComponentInfo& component : p.components) print_component(c, component);
}

Outcome<int> show(Session& s) {
  const auto found = scan(s);
  if (!found) return found.error();
  const std::string id = s.args.get("ID");
  std::vector<std::string> known;
  for (const PluginInfo& p : *found) {
    known.push_back(name_of(p));
    if (name_of(p) != id) continue;
    if (!print_document(s.console, s.format, document_of(p), "id")) print_plugin(s.console, p);
    return 0;
  }
  Error missing = not_found("plugin", id);
  missing.message += "; " + suggestion(id, known);
  return Failure(std::move(missing).with_next("skep plugin list"));
}

}  // namespace

std::vector<Command> plugin_commands() {
  Command all{"plugin list",
              "list plugins, refused ones with the reason; -o name lists what can be used"};
  all.options = plugin_options();
  all.run = list;
  Command one{"plugin show", "show a plugin: components, schemas, or why it is refused"};
  one.positionals = {{"ID", "plugin id"}};
  one.options = plugin_options();
  one.run = show;
  return {std::move(all), std::move(one)};
}

}  // namespace skep::cli
