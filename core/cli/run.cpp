#include "core/cli/run.hpp"

#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/base/help.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/base/parse.hpp"
#include "core/cli/commands.hpp"

namespace skep::cli {
namespace {

constexpr std::size_t kUsualWidth = 80;

/// "" when it is not set.
std::string variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

bool use_color(const std::string& when, bool tty, const Environment& environment) {
  if (when == "always" || when == "never") return when == "always";
  if (!variable(environment, "NO_COLOR").empty()) return false;
  const std::string forced = variable(environment, "CLICOLOR_FORCE");
  if (!forced.empty() && forced != "0") return true;
  return tty && variable(environment, "TERM") != "dumb";
}

/// Lines are fitted to a terminal; a pipe or a file gets whole ones.
std::size_t width_of(const Environment& environment, const Terminal& t) {
  if (!t.out_is_tty) return 0;
  if (t.width > 0) return t.width;
  const auto said = to_int(variable(environment, "COLUMNS"));
  return said && *said > 0 ? static_cast<std::size_t>(*said) : kUsualWidth;
}

Console make_console(const std::vector<std::string>& words, const Environment& environment,
                     const Terminal& t) {
  const std::string format = peek_option(words, "output", 'o');
  const std::string color = peek_option(words, "color", 0);
  Console console{t.out, t.err};
  console.color_out = use_color(color, t.out_is_tty, environment);
  console.color_err = use_color(color, t.err_is_tty, environment);
  console.json_errors = format == "json" || format == "jsonl";
  console.time = t.time;
  console.out_is_tty = t.out_is_tty;
  console.err_is_tty = t.err_is_tty;
  console.width = width_of(environment, t);
  return console;
}

Expected<int> run_parsed(Parsed parsed, Console& console, const Environment& environment,
                         const Terminal& t, Transport transport) {
  if (parsed.command == nullptr || !parsed.help_topic.empty()) {
    console.out << help_text(all_commands(), parsed.help_topic, help_width(console));
    return 0;
  }
  console.quiet = parsed.args.has("quiet");
  console.place = place_of(parsed.args);
  Invocation call(all_commands(), std::move(parsed.args), console, t.in, environment,
                  std::move(transport));
  auto code = parsed.command->run(call);
  if (code || !code.error().problem.empty()) return code;
  Failure failure = code.error();
  failure.error = with_help(std::move(failure.error), *parsed.command);
  return failure;
}

}  // namespace

int run(const std::vector<std::string>& words, const Environment& environment, const Terminal& t,
        Transport transport) {
  Console console = make_console(words, environment, t);
  auto parsed = parse(all_commands(), words, environment);
  Expected<int> code =
      parsed ? run_parsed(std::move(*parsed), console, environment, t, std::move(transport))
             : Expected<int>(Failure(parsed.error()));
  if (code) return *code;
  print_failure(console, code.error());
  return exit_code_of(code.error());
}

}  // namespace skep::cli
