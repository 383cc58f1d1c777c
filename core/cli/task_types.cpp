// skep task types: what the control plane takes
#include <boost/json.hpp>
#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/format.hpp"
#include "core/cli/session.hpp"

namespace skep::cli {
namespace {

std::vector<Column> type_columns() {
  const auto text = [](std::string key) {
    return [key = std::move(key)](const json::object& t) {
      const std::string value = get_string(t, key);
      return Cell(value.empty() ? "-" : value);
    };
  };
  return {{"TYPE", text("name")}, {"VERSION", text("version")}, {"ABOUT", text("description")}};
}

void print_type(const Console& c, const json::object& type) {
  c.out << c.paint(Style::kBold, printable(get_string(type, "name"))) << "  "
        << printable(get_string(type, "version")) << '\n'
        << printable(get_string(type, "description")) << '\n';
  if (const json::value* schema = type.if_contains("params_schema"))
    c.out << "params schema\n" << indented(printable(pretty(*schema), true), "  ");
}

Outcome<int> show_type(Session& s, const json::value& types, const std::string& name) {
  std::vector<std::string> known;
  for (const json::object* type : items_of(types)) {
    known.push_back(get_string(*type, "name"));
    if (known.back() != name) continue;
    if (!print_document(s.console, s.format, *type, "name")) print_type(s.console, *type);
    return 0;
  }
  Error missing = not_found("task type", name);
  if (!known.empty()) missing.message += "; " + suggestion(name, known);
  return Failure(std::move(missing).with_next("skep task types"));
}

Outcome<int> types(Session& s) {
  auto api = s.api();
  if (!api) return api.error();
  const auto found = (*api)->get("/api/task-types");
  if (!found) return found.error();
  if (s.args.has("TYPE")) return show_type(s, *found, s.args.get("TYPE"));
  print_list(s.console, s.format, *found, type_columns(), "name",
             "no task types; next: skep worker list   or   skep plugin list where a worker runs");
  if (s.for_people() && !items_of(*found).empty())
    s.console.note("next: skep task types TYPE for its parameters");
  return 0;
}

}  // namespace

std::vector<Command> task_type_commands() {
  Command c{"task types", "list the task types of the control plane, or one with its parameters"};
  c.positionals = {{"TYPE", "show this type and the schema of its parameters", false}};
  c.examples = {"skep task types", "skep task types execute_script"};
  c.run = types;
  return {std::move(c)};
}

}  // namespace skep::cli
