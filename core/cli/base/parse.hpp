// argv to a command and its arguments. CLI11 lives in parse.cpp alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/cli/base/command.hpp"

namespace skep::cli {

struct Parsed {
  const Command* command = nullptr;  ///< of the table; null: help of `help_topic`
  std::string help_topic;            ///< "", a noun, or a command's name
  Args args;
};

/// Finds the command in `table`, reads its options and the global ones, fills options from
/// `environment`, and checks choices and positionals. Usage errors name the nearest known word.
/// `words` is argv without the program. Pure.
Result<Parsed> parse(const CommandTable& table, const std::vector<std::string>& words,
                     const std::map<std::string, std::string>& environment);

/// What argv says of `name` even when it does not parse: for the form of the error itself.
std::string peek_option(const std::vector<std::string>& words, const std::string& name,
                        char short_name);

}  // namespace skep::cli
