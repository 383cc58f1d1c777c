// skep task types: what the control plane takes
#include "core/cli/task/verbs.hpp"

#include <boost/json.hpp>
#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/invocation.hpp"

namespace skep::cli {
namespace {

std::vector<Column> type_columns() {
  return {text_column("TYPE", "name"), text_column("VERSION", "version"),
          text_column("ABOUT", "description", false, Fit::kCut)};
}

void print_type(const Console& c, const json::object& type) {
  c.out << c.paint(Style::kBold, printable(get_string(type, "name"))) << "  "
        << printable(get_string(type, "version")) << '\n'
        << printable(get_string(type, "description")) << '\n';
  const auto print_schema = [&](const json::object& of, const std::string& title) {
    if (const json::value* schema = of.if_contains("params_schema"))
      c.out << title << '\n' << indented(printable(pretty(*schema), true), "  ");
  };
  const auto versions = objects_of(type, "versions");
  if (versions.size() < 2) return print_schema(type, "params schema");
  for (const json::object* v : versions)
    print_schema(*v, "params schema of " + printable(get_string(*v, "version")) + " (" +
                         printable(get_string(*v, "schema")) + ")");
}

Expected<int> show_type(Invocation& call, const json::value& types, const std::string& name) {
  std::vector<std::string> known;
  for (const json::object* type : items_of(types)) {
    known.push_back(get_string(*type, "name"));
    if (known.back() != name) continue;
    if (!print_document(call.console, call.format, *type, "name")) print_type(call.console, *type);
    return 0;
  }
  Error missing = not_found("task type", name);
  if (!known.empty()) missing.message += "; " + suggestion(name, known);
  return Failure(std::move(missing).with_next(
      "skep task types   or, where a worker runs: skep script list, skep plugin list"));
}

Expected<int> types(Invocation& call) {
  auto api = call.api();
  if (!api) return api.error();
  const auto found = (*api)->list("/api/task-types");
  if (!found) return found.error();
  if (call.args.has("TYPE")) return show_type(call, *found, call.args.get("TYPE"));
  print_list(call.console, call.format, *found, type_columns(), "name",
             "no task types; next: skep worker list   or, where a worker runs: skep plugin list");
  if (call.for_people() && !items_of(*found).empty())
    call.console.note("next: skep task types TYPE     # its parameters");
  return 0;
}

}  // namespace

Command types_command() {
  Command c{"task types", "list the task types of the control plane, or one with its parameters"};
  c.positionals = {{"TYPE", "show this type and the schema of its parameters", false}};
  c.examples = {"skep task types", "skep task types execute_script"};
  c.run = types;
  return c;
}

}  // namespace skep::cli
