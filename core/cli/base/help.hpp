// Help and the command reference, both written from the command table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cli/base/command.hpp"

namespace skep::cli {

/// The verbs of a noun in the order of the help; empty when it is no noun.
std::vector<std::string> verbs_of(const CommandTable& table, std::string_view noun);
/// "skep task submit TYPE [options]"
std::string usage_line(const Command& command);
/// Help of everything (""), a noun, a command, or a topic; "" when `topic` is none of them. Lines
/// are broken at `width`.
std::string help_text(const CommandTable& table, std::string_view topic, std::size_t width = 80);
/// For this console: that of the terminal, neither too narrow nor too wide to read.
std::size_t help_width(const Console& console);
/// A usage error without a next step gets the help of its command as one.
Error with_help(Error error, const Command& command);
/// Words that help_text() knows besides nouns and commands.
std::vector<std::string> help_topics();
/// docs/reference/cli.md
std::string reference_markdown(const CommandTable& table);

}  // namespace skep::cli
