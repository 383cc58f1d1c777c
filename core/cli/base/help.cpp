#include "core/cli/base/help.hpp"

#include <algorithm>

#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"

namespace skep::cli {
namespace {

struct Topic {
  std::string_view name;
  std::string_view title;
  std::string_view text;
};

constexpr Topic kTopics[] = {
    {"exit-codes", "Exit codes",
     "  0    ok\n"
     "  1    failed\n"
     "  2    wrong usage, or a request that the control plane found invalid\n"
     "  3    not found\n"
     "  4    not authenticated or not allowed\n"
     "  5    conflict: the object is in another state\n"
     "  7    timed out\n"
     "  8    control plane unreachable or busy\n"
     "  9    the remote task ended without success\n"
     "  78   bad configuration; a service manager should not restart\n"
     "  130  interrupted\n"},
    {"output", "Output",
     "Data goes to stdout, messages and errors to stderr.\n"
     "  table  aligned columns, the default\n"
     "  wide   table with more columns\n"
     "  json   the API's own document; an error is a problem+json object on stderr\n"
     "  jsonl  one JSON object a line\n"
     "  name   ids only, one a line\n"
     "Colours appear on a terminal unless NO_COLOR is set or TERM is dumb, elsewhere when\n"
     "CLICOLOR_FORCE is set; --color always|never decides. Tables fit the terminal: ids are cut "
     "as\n"
     "far as they stay apart, and commands take such a beginning. A pipe or a file gets whole "
     "lines.\n"
     "Control characters in what others wrote are shown as \\x1b.\n"},
    {"environment", "Environment",
     "  SKEP_SERVER       as --server\n"
     "  SKEP_TOKEN_FILE   as --token-file\n"
     "  SKEP_CONFIG       as -c\n"
     "  NO_COLOR          no colours\n"
     "  CLICOLOR_FORCE    colours, on a terminal or not\n"
     "  XDG_STATE_HOME    where @last is kept (~/.local/state)\n"
     "  SKEP_SECTION_KEY  a key of the configuration file, such as SKEP_WORKER_CONCURRENCY\n"
     "\n"
     "Where a command goes, the first that says something: --server URL, -c FILE, SKEP_SERVER,\n"
     "SKEP_CONFIG, a skep up that runs in ./.skep, http://127.0.0.1:9595. Of a FILE, commands "
     "about\n"
     "a node (node, events, plugin, script list) take its socket; all others take the control\n"
     "plane: its own [http] listen, or a worker's first control_plane_url, with the token_file\n"
     "beside it. An error says who named the address.\n"},
};

std::string padded(std::string text, std::size_t width) {
  text.append(text.size() < width ? width - text.size() : 0, ' ');
  return text + "  ";
}

std::string option_names(const Option& o) {
  std::string out = o.short_name != 0 ? std::string{'-', o.short_name, ',', ' '} : std::string();
  out += "--" + o.long_name;
  return o.value.empty() ? out : out + " " + o.value;
}

std::string option_help(const Option& o) {
  std::string out = o.help;
  if (o.repeat) out += "; may be repeated";
  if (!o.environment.empty()) out += " [env " + o.environment + "]";
  return out;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string aligned(const Rows& rows, std::size_t line) {
  std::size_t width = 0;
  for (const auto& [left, right] : rows) width = std::max(width, left.size());
  std::string out;
  for (const auto& [left, right] : rows)
    out += "  " + padded(left, width) + wrapped(right, line, width + 4) + "\n";
  return out;
}

std::string section(std::string_view title, const Rows& rows, std::size_t line) {
  return rows.empty() ? std::string() : "\n" + std::string(title) + ":\n" + aligned(rows, line);
}

/// Lines that belong together are broken anew; those that begin with a blank stand for themselves.
std::string paragraphs(std::string_view text, std::size_t width) {
  std::string out;
  std::string joined;
  const auto end_paragraph = [&] {
    if (!joined.empty()) out += wrapped(joined, width, 0) + "\n";
    joined.clear();
  };
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (const std::string& line : split(text, '\n')) {
    const bool apart = line.empty() || line.starts_with(' ');
    if (apart) end_paragraph();
    if (apart) out += wrapped(line, width, line.find_first_not_of(' ') + 2) + "\n";
    if (!apart) joined += (joined.empty() ? "" : " ") + line;
  }
  end_paragraph();
  return out;
}

Rows option_rows(const std::vector<Option>& options) {
  Rows rows;
  for (const Option& o : options) rows.emplace_back(option_names(o), option_help(o));
  return rows;
}

std::string command_help(const Command& c, std::size_t width) {
  Rows positionals;
  for (const Positional& p : c.positionals) positionals.emplace_back(p.name, p.help);
  std::string out = wrapped(c.summary, width, 0) + "\n\nusage: " + usage_line(c) + "\n";
  out +=
      section("arguments", positionals, width) + section("options", option_rows(c.options), width);
  if (!c.notes.empty()) out += "\n" + paragraphs(c.notes, width);
  if (!c.examples.empty()) out += "\nexamples:\n";
  for (const std::string& example : c.examples) out += "  " + example + "\n";
  return out + section("global options", option_rows(global_options_of(c)), width);
}

Rows command_rows(const CommandTable& table, std::string_view noun) {
  Rows rows;
  const std::string prefix = std::string(noun) + " ";
  for (const Command& c : table)
    if (!c.hidden && (noun.empty() || c.name.starts_with(prefix)))
      rows.emplace_back("skep " + c.name, c.summary);
  return rows;
}

std::string root_help(const CommandTable& table, std::size_t width) {
  return "skep: one host process; everything else is a plugin\n\n"
         "usage: skep COMMAND [arguments] [options]\n" +
         section("commands", command_rows(table, ""), width) +
         section("global options", option_rows(global_options()), width) +
         "\nstart here: skep up\nmore: skep COMMAND --help, skep help " + join(help_topics(), "|") +
         "\n";
}

std::string markdown_options(const std::vector<Option>& options) {
  if (options.empty()) return {};
  std::string out = "\n| option | meaning |\n|---|---|\n";
  for (const Option& o : options) {
    std::string help = option_help(o);
    for (std::size_t at = 0; (at = help.find('|', at)) != std::string::npos; at += 2)
      help.insert(at, "\\");
    out += "| `" + option_names(o) + "` | " + help + " |\n";
  }
  return out;
}

std::string markdown_command(const Command& c) {
  std::string out =
      "\n### skep " + c.name + "\n\n" + c.summary + ".\n\n```\n" + usage_line(c) + "\n```\n";
  for (const Positional& p : c.positionals) out += "\n- `" + p.name + "`: " + p.help;
  if (!c.positionals.empty()) out += "\n";
  out += markdown_options(c.options);
  if (!c.notes.empty()) out += "\n" + c.notes + "\n";
  if (c.examples.empty()) return out;
  out += "\n```\n";
  for (const std::string& example : c.examples) out += example + "\n";
  return out + "```\n";
}

}  // namespace

std::vector<std::string> verbs_of(const CommandTable& table, std::string_view noun) {
  std::vector<std::string> out;
  const std::string prefix = std::string(noun) + " ";
  for (const Command& c : table)
    if (!c.hidden && c.name.starts_with(prefix)) out.push_back(c.name.substr(prefix.size()));
  return out;
}

std::string usage_line(const Command& c) {
  std::string out = "skep " + c.name;
  for (const Positional& p : c.positionals) {
    const std::string word = p.name + (p.repeat ? ".." : "");
    out += p.required ? " " + word : " [" + word + "]";
  }
  return c.options.empty() ? out : out + " [options]";
}

Error with_help(Error error, const Command& c) {
  if (error.id() == "usage" && error.next.empty()) error.next = "skep " + c.name + " --help";
  return error;
}

std::vector<std::string> help_topics() {
  std::vector<std::string> out;
  for (const Topic& t : kTopics) out.emplace_back(t.name);
  return out;
}

std::size_t help_width(const Console& console) {
  return console.width == 0 ? 80 : std::clamp<std::size_t>(console.width, 60, 100);
}

std::string help_text(const CommandTable& table, std::string_view topic, std::size_t width) {
  if (topic.empty()) return root_help(table, width);
  for (const Command& c : table)
    if (c.name == topic) return command_help(c, width);
  for (const Topic& t : kTopics)
    if (t.name == topic) return std::string(t.title) + "\n\n" + paragraphs(t.text, width);
  if (verbs_of(table, topic).empty()) return {};
  return "usage: skep " + std::string(topic) + " COMMAND [arguments] [options]\n" +
         section("commands", command_rows(table, topic), width) + "\nmore: skep " +
         std::string(topic) + " COMMAND --help\n";
}

std::string reference_markdown(const CommandTable& table) {
  std::string out =
      "# The command line\n\n"
      "Written by `skep __docs cli` from the command table; a test keeps it so.\n\n"
      "## Global options\n" +
      markdown_options(global_options());
  for (const Topic& t : kTopics)
    out += "\n## " + std::string(t.title) + "\n\n```\n" + std::string(t.text) + "```\n";
  out += "\n## Commands\n";
  for (const Command& c : table)
    if (!c.hidden) out += markdown_command(c);
  return out;
}

}  // namespace skep::cli
