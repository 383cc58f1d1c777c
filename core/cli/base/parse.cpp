#include "core/cli/base/parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/base/duration.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/help.hpp"
#include "core/cli/base/next_command.hpp"

namespace skep::cli {
namespace {

bool takes_value(const std::string& word) {
  if (word.find('=') != std::string::npos) return false;
  for (const Option& o : global_options()) {
    if (o.value.empty()) continue;
    if (word == "--" + o.long_name || (o.short_name != 0 && word == std::string{'-', o.short_name}))
      return true;
  }
  return false;
}

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

/// Index of the first word at or after `from` that is neither a global option nor its value; more
/// than the number of words when the last one lacks its value.
std::size_t next_word(const std::vector<std::string>& words, std::size_t from) {
  while (from < words.size() && is_option(words[from])) from += takes_value(words[from]) ? 2 : 1;
  return from;
}

const Command* find_command(const CommandTable& table, const std::string& name) {
  for (const Command& c : table)
    if (c.name == name) return &c;
  return nullptr;
}

bool asks_help(const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::any_of(words.begin(), end,
                     [](const std::string& w) { return w == "-h" || w == "--help"; });
}

bool is_version(const std::string& word) {
  return word == "-V" || word == "-v" || word == "--version";
}

std::vector<std::string> first_words(const CommandTable& table) {
  std::vector<std::string> out;
  for (const Command& c : table) {
    const std::string word = split(c.name, ' ').front();
    if (!c.hidden && std::find(out.begin(), out.end(), word) == out.end()) out.push_back(word);
  }
  return out;
}

/// What people try for what the API alone has.
std::string instead_of(const std::string& noun) {
  return noun == "metrics" ? "skep api GET /metrics" : "skep --help";
}

struct Found {
  const Command* command = nullptr;
  std::string topic;              ///< when there is no command but a wish for help
  std::vector<std::string> rest;  ///< the words without the command's name
};

Error unknown_verb(const CommandTable& table, const std::string& noun, const std::string& verb) {
  if (verb == noun)
    return usage_error("\"" + noun + "\" is given twice", "skep " + noun + " --help");
  const auto verbs = verbs_of(table, noun);
  return usage_error("\"" + noun + "\" has no command \"" + verb + "\"; " + suggestion(verb, verbs),
                     "skep " + noun + " --help");
}

Error lacks_value(const std::string& word, const std::string& help) {
  for (const Option& o : global_options())
    if (word == "--" + o.long_name || (o.short_name != 0 && word == std::string{'-', o.short_name}))
      return usage_error(word + " needs a value: " + o.value, help);
  return usage_error(word + " needs a value", help);
}

/// Where no command is: the first option that is none of those which go without one.
Status check_options(const std::vector<std::string>& words) {
  std::vector<std::string> known{"--help", "--version"};
  for (const Option& o : global_options()) known.push_back("--" + o.long_name);
  for (std::size_t i = 0; i < words.size(); i += takes_value(words[i]) ? 2 : 1) {
    const std::string name = words[i].substr(0, words[i].find('='));
    if (!name.starts_with("--") || name == "--") continue;
    if (std::find(known.begin(), known.end(), name) == known.end())
      return usage_error("skep has no option \"" + name + "\"; " + suggestion(name, known),
                         "skep --help");
  }
  return {};
}

Result<Found> find(const CommandTable& table, const std::vector<std::string>& words) {
  Found out{nullptr, {}, words};
  const std::size_t noun_at = next_word(words, 0);
  if (noun_at >= words.size()) {
    if (words.empty() || asks_help(words)) return out;
    if (noun_at > words.size()) return lacks_value(words.back(), "skep --help");
    if (std::erase_if(out.rest, is_version) > 0) {
      out.command = find_command(table, "version");
      return out;
    }
    SKEP_TRY(check_options(words));
    return usage_error("no command is given", "skep --help");
  }
  const std::string& noun = words[noun_at];
  out.rest.erase(out.rest.begin() + static_cast<std::ptrdiff_t>(noun_at));
  out.command = find_command(table, noun);
  if (out.command != nullptr) return out;
  const auto verbs = verbs_of(table, noun);
  if (noun == "skep") return usage_error("\"skep\" is given twice", "skep --help");
  if (verbs.empty())
    return usage_error(
        "there is no command \"" + noun + "\"; " + suggestion(noun, first_words(table)),
        instead_of(noun));
  const std::size_t verb_at = next_word(out.rest, 0);
  if (verb_at >= out.rest.size()) {
    out.topic = noun;
    if (asks_help(out.rest)) return out;
    if (verb_at > out.rest.size()) return lacks_value(out.rest.back(), "skep " + noun + " --help");
    return usage_error("\"" + noun + "\" needs one of: " + join(verbs, ", "),
                       "skep " + noun + " --help");
  }
  const std::string verb = out.rest[verb_at] == "ls" ? "list" : out.rest[verb_at];
  out.command = find_command(table, noun + " " + verb);
  if (out.command == nullptr) return unknown_verb(table, noun, verb);
  out.rest.erase(out.rest.begin() + static_cast<std::ptrdiff_t>(verb_at));
  return out;
}

/// The command's options, then the global ones it does not define itself.
std::vector<Option> options_of(const Command& command) {
  std::vector<Option> out = command.options;
  for (Option& o : global_options_of(command)) out.push_back(std::move(o));
  return out;
}

/// Values stay as typed: CLI11's conversions would read "{}" and "[1,2]" as lists.
CLI::Option* declare(CLI::App& app, const Option& o) {
  const std::string names =
      (o.short_name != 0 ? std::string{'-', o.short_name, ','} : std::string()) + "--" +
      o.long_name;
  if (o.value.empty()) return app.add_flag(names);
  return app.add_option(names)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Error too_much(const Command& c, const std::string& word) {
  if (c.positionals.empty() && word.ends_with(".toml"))
    return usage_error("\"" + c.name + "\" takes its file as -c FILE",
                       "skep " + c.name + " -c " + shell_word(word));
  const bool twice = c.name == word || c.name.ends_with(" " + word);
  return usage_error(twice ? "\"" + word + "\" is given twice"
                           : "\"" + c.name + "\" does not take \"" + word + "\"",
                     usage_line(c));
}

Error unknown_option(const Command& c, const std::vector<Option>& options,
                     const std::string& word) {
  std::vector<std::string> known;
  for (const Option& o : options) known.push_back("--" + o.long_name);
  const std::string name = word.substr(0, word.find('='));
  return usage_error(
      "\"" + c.name + "\" has no option \"" + name + "\"; " + suggestion(name, known),
      "skep " + c.name + " --help");
}

Status check_choice(const std::string& what, const std::string& value,
                    const std::vector<std::string>& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end())
    return {};
  return usage_error(what + " \"" + value + "\" is not known; " + suggestion(value, choices));
}

Status collect_option(const Option& o, const CLI::Option& typed,
                      const std::map<std::string, std::string>& environment, Args& args) {
  const std::string key = o.key.empty() ? o.long_name : o.key;
  args.spell(key, o.long_name);
  if (o.value.empty()) {
    if (typed.count() > 0) args.add(key, "true");
    return {};
  }
  if (typed.count() > 1 && !o.repeat)
    return usage_error("--" + o.long_name + " is given " + std::to_string(typed.count()) +
                       " times");
  for (const std::string& value : typed.results()) {
    SKEP_TRY(check_choice("--" + o.long_name, value, o.choices));
    args.add(key, value);
  }
  const auto from_environment = environment.find(o.environment);
  if (typed.count() == 0 && !o.environment.empty() && from_environment != environment.end() &&
      !from_environment->second.empty())
    args.add_from_environment(key, from_environment->second);
  return {};
}

Status collect_positionals(const Command& c, const std::vector<std::string>& words, Args& args) {
  for (std::size_t i = 0; i < c.positionals.size(); ++i) {
    const Positional& p = c.positionals[i];
    if (i < words.size()) {
      if (words[i].empty()) return usage_error(p.name + " is empty", usage_line(c));
      SKEP_TRY(check_choice(p.name, words[i], p.choices));
      args.add(p.name, words[i]);
    } else if (p.required) {
      return usage_error("\"" + c.name + "\" needs " + p.name + ": " + p.help, usage_line(c));
    }
  }
  for (std::size_t i = c.positionals.size(); i < words.size(); ++i) {
    if (c.positionals.empty() || !c.positionals.back().repeat) return too_much(c, words[i]);
    args.add(c.positionals.back().name, words[i]);
  }
  return {};
}

/// CLI11 names the option but not what it takes.
Error value_missing(const Command& c, const std::vector<Option>& options,
                    const std::string& cli11_message) {
  for (const Option& o : options)
    if (cli11_message.find("--" + o.long_name + ":") != std::string::npos)
      return usage_error(
          "--" + o.long_name + (o.value.empty() ? " takes no value" : " needs a value: " + o.value),
          "skep " + c.name + " --help");
  return usage_error(cli11_message, "skep " + c.name + " --help");
}

/// Whoever gives a flag a number wants the option that limits it, when there is one.
std::string limit_of(const std::vector<Option>& options, const Option& flag,
                     const std::string& value, const Command& c) {
  for (const Option& o : options)
    if (o.long_name == flag.long_name + "-timeout" && parse_duration(value))
      return "--" + flag.long_name + " --" + o.long_name + " " + value;
  return "skep " + c.name + " --help";
}

/// "--wait=12": CLI11 would take any text as a yes, and "false" as a no.
Status refuse_values_of_flags(const Command& c, const std::vector<Option>& options,
                              const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || !word.starts_with('-')) continue;
    const std::string name = word.substr(0, equals);
    for (const Option& o : options) {
      const bool meant = name == "--" + o.long_name ||
                         (o.short_name != 0 && name == std::string{'-', o.short_name});
      if (!meant || !o.value.empty()) continue;
      return usage_error(name + " takes no value, and \"" + word.substr(equals + 1) +
                             "\" was given; it is on when it is there, and off when not",
                         limit_of(options, o, word.substr(equals + 1), c));
    }
  }
  return {};
}

Status read_arguments(const Command& c, std::vector<std::string> words,
                      const std::map<std::string, std::string>& environment, Args& args) {
  const auto options = options_of(c);
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<const CLI::Option*> typed;
  for (const Option& o : options) typed.push_back(declare(app, o));
  // "--" ends the options; CLI11 drops the mark and would read what follows as options of its own.
  std::vector<std::string> after;
  if (const auto mark = std::find(words.begin(), words.end(), "--"); mark != words.end()) {
    after.assign(mark + 1, words.end());
    words.erase(mark, words.end());
  }
  SKEP_TRY(refuse_values_of_flags(c, options, words));
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& e) {
    return value_missing(c, options, e.what());
  }
  for (std::size_t i = 0; i < options.size(); ++i)
    SKEP_TRY(collect_option(options[i], *typed[i], environment, args));
  std::vector<std::string> rest = app.remaining();
  for (const std::string& word : rest)
    if (is_option(word)) return unknown_option(c, options, word);
  rest.insert(rest.end(), after.begin(), after.end());
  return collect_positionals(c, rest, args);
}

}  // namespace

Result<Parsed> parse(const CommandTable& table, const std::vector<std::string>& words,
                     const std::map<std::string, std::string>& environment) {
  auto found = find(table, words);
  if (!found) return found.error();
  Parsed out;
  if (found->command == nullptr || asks_help(found->rest)) {
    out.help_topic = found->command != nullptr ? found->command->name : found->topic;
    return out;
  }
  out.command = found->command;
  const auto read = read_arguments(*out.command, std::move(found->rest), environment, out.args);
  if (!read) return with_help(read.error(), *out.command);
  return out;
}

std::string peek_option(const std::vector<std::string>& words, const std::string& name,
                        char short_name) {
  const std::string with_equals = "--" + name + "=";
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i].starts_with(with_equals)) return words[i].substr(with_equals.size());
    if ((words[i] == "--" + name || words[i] == std::string{'-', short_name}) &&
        i + 1 < words.size())
      return words[i + 1];
    if (words[i].size() > 2 && words[i][0] == '-' && words[i][1] == short_name)
      return words[i].substr(2);
  }
  return {};
}

}  // namespace skep::cli
