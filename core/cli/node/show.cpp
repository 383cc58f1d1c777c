// skep node show, reload
#include "core/cli/node/verbs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ostream>

#include "core/base/describe.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/base/node_events.hpp"
#include "core/cli/base/output.hpp"

namespace skep::cli {
namespace {

std::string change_text(const json::object& change) {
  const auto text = [&](std::string_view key) {
    const json::value* v = change.if_contains(key);
    return v == nullptr ? std::string("null") : plain_text(*v);
  };
  return fmt::format("{}  {} -> {}", get_string(change, "key"), text("before"), text("after"));
}

void print_changes(const Console& c, std::string_view title, Style style, const json::object& o,
                   std::string_view key) {
  for (const json::object* change : objects_of(o, key))
    c.out << c.paint(style, fmt::format("{:13}", title)) << "  " << printable(change_text(*change))
          << '\n';
}

std::size_t failed_plugins(const json::object& report) {
  const auto plugins = objects_of(report, "plugins");
  return static_cast<std::size_t>(std::count_if(
      plugins.begin(), plugins.end(),
      [](const json::object* plugin) { return get_string(*plugin, "result") == "failed"; }));
}

void print_report(const Console& c, const json::object& report) {
  print_changes(c, "applied", Style::kGood, report, "applied");
  print_changes(c, "needs restart", Style::kWarn, report, "needs_restart");
  for (const json::object* covered : objects_of(report, "covered"))
    c.out << c.paint(Style::kWarn, fmt::format("{:13}", "covered")) << "  "
          << printable(fmt::format("{}: {} counts, not the file", get_string(*covered, "key"),
                                   get_string(*covered, "by")))
          << '\n';
  for (const json::object* plugin : objects_of(report, "plugins")) {
    const bool changed = get_string(*plugin, "result") == "changed";
    c.out << c.paint(changed ? Style::kGood : Style::kBad, fmt::format("{:13}", "plugin")) << "  "
          << printable(get_string(*plugin, "id"))
          << (changed ? "  goes by its new table" : "  goes on as before:") << '\n'
          << indented(printable(get_string(*plugin, "error"), true), "  ");
  }
  const std::string error = get_string(report, "error");
  if (!error.empty()) c.out << indented(printable(error, true), "  ");
}

void print_node(const Console& c, const json::object& o) {
  const auto line = [&](std::string_view title, const std::string& value) {
    if (!value.empty()) c.out << fmt::format("{:14}", title) << printable(value) << '\n';
  };
  line("id", get_string(o, "id"));
  line("state", get_string(o, "state"));
  line("roles", join(texts_of(o, "roles"), ", "));
  line("site", get_string(o, "site"));
  line("version", get_string(o, "version"));
  line("pid", std::to_string(get_int(o, "pid")));
  line("started", human_age(get_string(o, "started_at"), c.now_ms()) + " ago");
  line("config", get_string(o, "config_file"));
  line("state_dir", get_string(o, "state_dir"));
  for (const std::string& url : texts_of(o, "urls")) line("url", url);
  for (const std::string& trouble : texts_of(o, "troubles"))
    c.out << c.paint(Style::kBad, fmt::format("{:14}", "trouble")) << printable(trouble) << '\n';
  print_changes(c, "needs restart", Style::kWarn, o, "needs_restart");
  const json::value* last = o.if_contains("last_reload");
  if (last == nullptr || !last->is_object()) return;
  const json::object& report = last->get_object();
  line("last reload",
       fmt::format("{} {} ago, by {}", get_string(report, "result"),
                   human_age(get_string(report, "at"), c.now_ms()), get_string(report, "trigger")));
  if (const std::string error = get_string(report, "error"); !error.empty())
    c.out << indented(printable(error, true), "  ");
}

std::string cut_off_text(const json::object& fields, const std::string& age) {
  std::string out = fmt::format("cut off {}: {}", age, printable(get_string(fields, "reason")));
  if (fields.contains("held"))
    out += fmt::format("; {} were in the spool then", get_int(fields, "held"));
  return out;
}

std::string delivered_text(const json::object& fields, const std::string& age) {
  const std::string held = fields.contains("away_seconds")
                               ? "for " + human_duration(get_int(fields, "away_seconds") * 1'000)
                               : "since before it started";
  return fmt::format("{} were held {} and delivered {}", get_int(fields, "count"), held, age);
}

/// What a worker last said of results that it could not deliver.
void print_results(Invocation& call, Client& node) {
  SseReader reader;
  json::object last;
  const auto done = read_events(
      node, reader, {.kinds = "worker.cut_off,worker.delivered"}, [&](const SseEvent& event) {
        if (auto parsed = parse_json(event.data); parsed && parsed->is_object())
          last = std::move(parsed->get_object());
        return true;
      });
  const json::value* found = last.if_contains("fields");
  if (!done || found == nullptr || !found->is_object()) return;
  const json::object& fields = found->get_object();
  const std::string age = human_age(get_string(last, "at"), call.console.now_ms()) + " ago";
  const bool cut_off = get_string(last, "event") == "worker.cut_off";
  call.console.out << fmt::format("{:14}", "results")
                   << (cut_off ? cut_off_text(fields, age) : delivered_text(fields, age)) << '\n';
}

Expected<int> show(Invocation& call) {
  auto node = call.node();
  if (!node) return node.error();
  const auto answer = node->get("/api/node");
  if (!answer) return answer.error();
  if (print_document(call.console, call.format, *answer, "id")) return 0;
  print_node(call.console, answer->get_object());
  const auto roles = texts_of(answer->get_object(), "roles");
  if (std::find(roles.begin(), roles.end(), "worker") != roles.end()) print_results(call, *node);
  return 0;
}

Expected<int> reload(Invocation& call) {
  auto node = call.node();
  if (!node) return node.error();
  const auto answer = node->post("/api/node/reload");
  if (!answer) return answer.error();
  const json::object& report = answer->get_object();
  const int code = failed_plugins(report) > 0 ? info(Code::kConfig).exit_code : 0;
  if (print_document(call.console, call.format, *answer, "result")) return code;
  if (get_string(report, "result") == "unchanged") call.console.out << "nothing changed\n";
  print_report(call.console, report);
  return code;
}

}  // namespace

std::vector<Command> show_commands() {
  Command one{"node show", "show a running node: roles, addresses, what waits for a restart"};
  one.options = config_options();
  one.examples = {"skep node show -c node.toml", "skep node show --server http://127.0.0.1:9595"};
  one.run = show;
  Command again{"node reload", "let a running node read its configuration again"};
  again.options = config_options();
  again.notes =
      "A file that is wrong changes nothing (exit code 78). Of one that is right, what may change\n"
      "live is applied, and keys that need a restart are named. Each plugin says what came of its\n"
      "new table; when one goes on with its old one, the exit code is 78.";
  again.run = reload;
  return {std::move(one), std::move(again)};
}

}  // namespace skep::cli
