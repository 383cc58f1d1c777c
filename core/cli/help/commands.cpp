// skep help, skep version, and the hidden skep __docs
#include "core/cli/help/commands.hpp"

#include <ostream>

#include "core/api/wire.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/help.hpp"
#include "core/cli/base/invocation.hpp"

namespace skep::cli {
namespace {

Expected<int> help(Invocation& call) {
  const auto words = call.args.all("TOPIC");
  const std::string topic = join(words, " ");
  const std::string text = help_text(call.table, topic, help_width(call.console));
  if (text.empty()) {
    auto known = help_topics();
    for (const Command& c : call.table)
      if (!c.hidden) known.push_back(c.name);
    return Failure(
        usage_error("no help on \"" + topic + "\"; " + suggestion(topic, known), "skep --help"));
  }
  call.console.out << text;
  return 0;
}

Expected<int> version(Invocation& call) {
  JsonOut out;
  out.object().key("name").str("skep").key("version").str(SKEP_VERSION);
  out.key("protocol").object().key("min").integer(api::kProtocolMin);
  out.key("max").integer(api::kProtocolMax).end_object();
  out.key("compiler").str(__VERSION__).key("build_type").str(SKEP_BUILD_TYPE).end_object();
  const auto document = parse_json(out.text());
  if (!document) return document.error();
  if (!print_document(call.console, call.format, *document, "version"))
    call.console.out << "skep " << SKEP_VERSION << " (worker protocol " << api::kProtocolMin
                     << " to " << api::kProtocolMax << ", " << SKEP_BUILD_TYPE << ", compiler "
                     << __VERSION__ << ")\n";
  return 0;
}

Expected<int> docs(Invocation& call) {
  call.console.out << reference_markdown(call.table);
  return 0;
}

}  // namespace

std::vector<Command> help_commands() {
  Command about{"version", "print the version of this binary, as skep --version does"};
  about.run = version;
  Command topics{"help", "help of a command, or of exit-codes, output, environment"};
  topics.positionals = {{"TOPIC", "a command or a topic", false, {}, true}};
  topics.run = help;
  Command generate{"__docs", "print docs/reference/cli.md"};
  generate.positionals = {{"WHAT", "cli", true, {"cli"}}};
  generate.hidden = true;
  generate.run = docs;
  return {std::move(about), std::move(topics), std::move(generate)};
}

}  // namespace skep::cli
