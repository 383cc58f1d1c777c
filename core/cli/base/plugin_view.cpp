#include "core/cli/base/plugin_view.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/output.hpp"

namespace skep::cli {
namespace {

/// "skep.kind.task/1" as "task".
std::string short_kind(std::string kind) {
  constexpr std::string_view kPrefix = "skep.kind.";
  if (kind.starts_with(kPrefix)) kind.erase(0, kPrefix.size());
  return kind.substr(0, kind.find('/'));
}

std::string components_text(const json::object& p) {
  std::vector<std::string> out;
  for (const json::object* c : objects_of(p, "components"))
    out.push_back(short_kind(get_string(*c, "kind")) + ":" + get_string(*c, "name"));
  return out.empty() ? "-" : join(out, " ");
}

/// A number that a row without a generation does not have.
Column number_column(std::string title, std::string key, bool wide = false) {
  return {std::move(title),
          [key = std::move(key)](const json::object& row) {
            const json::value* v = row.if_contains(key);
            return or_dash(v != nullptr && v->is_number() ? to_text(*v) : "");
          },
          wide};
}

Column state_column() {
  return {"STATE", [](const json::object& p) { return status_cell(get_string(p, "state")); }};
}

std::string drain_text(const json::object& row) {
  const json::value* v = row.if_contains("drain_ms");
  return v != nullptr && v->is_number() ? human_duration(get_int(row, "drain_ms")) : "";
}

bool is_generation_over(const std::string& state) {
  return state == "retired" || state == "failed" || state == "rolled_back";
}

/// What the table shows of one generation: the plugin's columns, its own where it has them.
json::object row_of(const json::object& plugin, const json::object* generation) {
  json::object row = plugin;
  row.erase("generations");
  row["id"] = plugin_name(plugin);
  if (generation == nullptr) return row;
  for (const auto& [key, value] : *generation)
    if (!value.is_string() || !value.get_string().empty()) row[key] = value;
  return row;
}

void print_reason(const Console& c, const std::string& who, const std::string& reason) {
  if (!reason.empty())
    c.out << '\n'
          << c.paint(Style::kBold, printable(who)) << '\n'
          << indented(printable(reason, true), "  ");
}

/// What the reason of the whole does not say already.
void print_generation_reasons(const Console& c, const json::object& item, const std::string& name,
                              bool every) {
  const std::string said = get_string(item, "reason");
  for (const json::object* g : objects_of(item, "generations"))
    if (const std::string own = get_string(*g, "reason");
        (every || !is_generation_over(get_string(*g, "state"))) &&
        said.find(own) == std::string::npos)
      print_reason(c,
                   fmt::format("{} {}, generation {}", name, get_string(*g, "version"),
                               get_int(*g, "number")),
                   own);
}

void print_generations(const Console& c, const json::object& p) {
  json::array rows;
  for (const json::object* g : objects_of(p, "generations")) rows.push_back(*g);
  if (rows.empty()) return;
  std::vector<Column> columns = generation_columns();
  columns.insert(columns.begin(), {text_column("VERSION", "version"), state_column()});
  columns.push_back(text_column("SHA256", "sha256"));
  c.out << '\n';
  print_list(c, Format::kWide, json::object{{"items", std::move(rows)}}, columns, "number", "");
  print_generation_reasons(c, p, plugin_name(p), true);
}

void print_component(const Console& c, const json::object& component) {
  c.out << '\n'
        << c.paint(Style::kBold, printable(get_string(component, "name"))) << "  "
        << printable(get_string(component, "kind")) << "\n  "
        << printable(get_string(component, "description")) << '\n';
  if (const auto most = get_int(component, "max_concurrency"); most > 0)
    c.out << "  at most " << most << " at once\n";
  if (const auto timeout = get_int(component, "default_timeout_ms"); timeout > 0)
    c.out << "  default timeout " << human_duration(timeout) << '\n';
  std::vector<std::string> permissions;
  if (const json::value* v = component.if_contains("permissions"); v != nullptr && v->is_array())
    for (const json::value& p : v->get_array())
      if (p.is_string()) permissions.emplace_back(p.get_string());
  if (!permissions.empty()) c.out << "  permissions " << printable(join(permissions, ", ")) << '\n';
  for (const auto* title : {"params", "config"})
    if (const json::value* v = component.if_contains(std::string(title) + "_schema");
        v != nullptr && v->is_object() && !v->get_object().empty())
      c.out << "  " << title << " schema\n" << indented(printable(pretty(*v), true), "    ");
}

}  // namespace

std::string plugin_name(const json::object& p) {
  const std::string id = get_string(p, "id");
  return id.empty() ? std::filesystem::path(get_string(p, "path")).filename().string() : id;
}

std::vector<Column> generation_columns() {
  return {number_column("GEN", "number"),
          text_column("ISOLATION", "isolation", true),
          number_column("LEASES", "leases"),
          number_column("CALLS", "calls"),
          number_column("FAILURES", "failures"),
          {"DRAIN", [](const json::object& row) { return or_dash(drain_text(row)); }, true}};
}

std::vector<Column> plugin_columns(bool running) {
  std::vector<Column> out{text_column("ID", "id"), text_column("VERSION", "version"),
                          state_column()};
  if (running)
    for (Column& column : generation_columns()) out.push_back(std::move(column));
  for (Column& column : std::vector<Column>{
           {"COMPONENTS", [](const json::object& p) { return Cell(components_text(p)); }, false,
            Fit::kCut},
           text_column("LICENSE", "license", true),
           text_column("PATH", "path", true),
           text_column("SHA256", "sha256", true)})
    out.push_back(std::move(column));
  return out;
}

json::object plugin_rows(const json::object& list, bool every) {
  json::array rows;
  for (const json::object* plugin : objects_of(list, "items")) {
    const std::size_t before = rows.size();
    for (const json::object* g : objects_of(*plugin, "generations"))
      if (every || !is_generation_over(get_string(*g, "state"))) rows.push_back(row_of(*plugin, g));
    if (rows.size() == before) rows.push_back(row_of(*plugin, nullptr));
  }
  json::object out;
  out["items"] = std::move(rows);
  out["next_cursor"] = nullptr;
  return out;
}

void print_reasons(const Console& c, const json::value& list, bool every,
                   const std::function<std::string(const json::object&)>& name_of) {
  for (const json::object* item : items_of(list)) {
    print_reason(c, name_of(*item), get_string(*item, "reason"));
    print_generation_reasons(c, *item, name_of(*item), every);
  }
}

void print_plugin(const Console& c, const json::object& p) {
  for (const auto& [title, value] : {std::pair{"id", plugin_name(p)},
                                     {"version", get_string(p, "version")},
                                     {"state", get_string(p, "state")},
                                     {"license", get_string(p, "license")},
                                     {"about", get_string(p, "description")},
                                     {"path", get_string(p, "path")},
                                     {"sha256", get_string(p, "sha256")}})
    if (!value.empty()) c.out << fmt::format("{:9}", title) << printable(value) << '\n';
  if (const std::string reason = get_string(p, "reason"); !reason.empty())
    c.out << "reason\n" << indented(printable(reason, true), "  ");
  print_generations(c, p);
  for (const json::object* component : objects_of(p, "components")) print_component(c, *component);
}

}  // namespace skep::cli
