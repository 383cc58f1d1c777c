#include "core/cli/run.hpp"

#include <ostream>

#include "core/cli/base/help.hpp"
#include "core/cli/base/parse.hpp"
#include "core/cli/commands.hpp"

namespace skep::cli {
namespace {

bool use_color(const std::string& when, bool tty, const Environment& environment) {
  if (when == "always" || when == "never") return when == "always";
  const auto no_color = environment.find("NO_COLOR");
  return tty && (no_color == environment.end() || no_color->second.empty());
}

Console make_console(const std::vector<std::string>& words, const Environment& environment,
                     const Terminal& t) {
  const std::string format = peek_option(words, "output", 'o');
  const std::string color = peek_option(words, "color", 0);
  return Console{t.out,
                 t.err,
                 use_color(color, t.out_is_tty, environment),
                 use_color(color, t.err_is_tty, environment),
                 false,
                 format == "json" || format == "jsonl",
                 t.now};
}

Expected<int> run_parsed(Parsed parsed, Console& console, const Environment& environment,
                         const Terminal& t, Transport transport) {
  if (parsed.command == nullptr || !parsed.help_topic.empty()) {
    console.out << help_text(all_commands(), parsed.help_topic);
    return 0;
  }
  console.quiet = parsed.args.has("quiet");
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
