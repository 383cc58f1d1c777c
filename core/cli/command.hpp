// Commands as data: one table drives parsing, help, suggestions and docs/reference/cli.md.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/cli/console.hpp"

namespace skep::cli {

struct Option {
  std::string long_name;  ///< "site", without dashes; the key in Args
  char short_name = 0;
  std::string value;  ///< what it takes, "SITE"; "" = a flag
  std::string help;
  bool repeat = false;
  std::vector<std::string> choices{};
  std::string environment{};  ///< variable read when the option is not given
  std::string key{};          ///< the key in Args when it is not long_name
};

struct Positional {
  std::string name;  ///< "ID"; the key in Args
  std::string help;
  bool required = true;
  std::vector<std::string> choices{};
  bool repeat = false;  ///< the last one may be given several times
};

/// What was typed, by option long name or positional name.
class Args {
 public:
  void add(const std::string& name, std::string value) {
    values_[name].push_back(std::move(value));
    from_environment_.erase(name);
  }
  void add_from_environment(const std::string& name, std::string value);
  /// It is there, and no variable said so.
  bool is_typed(const std::string& name) const;
  bool has(const std::string& name) const { return values_.contains(name); }
  /// The last value, or `fallback`.
  std::string get(const std::string& name, std::string_view fallback = {}) const;
  std::vector<std::string> all(const std::string& name) const;
  /// The value as a number of at least `least`; a usage error that names the option otherwise.
  Result<double> number(const std::string& name, double fallback, double least = 0) const;
  Result<std::int64_t> integer(const std::string& name, std::int64_t fallback,
                               std::int64_t least = 0) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
  std::set<std::string> from_environment_;
};

class Session;

struct Command {
  std::string name;     ///< "task submit" or "up"
  std::string summary;  ///< one line
  std::vector<Positional> positionals{};
  std::vector<Option> options{};
  std::function<Outcome<int>(Session&)> run{};
  std::string notes{};  ///< more lines of help
  std::vector<std::string> examples{};
  bool hidden = false;
};

/// Every command, in the order of the help.
const std::vector<Command>& all_commands();
/// Options that every command takes.
const std::vector<Option>& global_options();

// Each in the file of that name.
std::vector<Command> api_commands();
std::vector<Command> config_commands();
std::vector<Command> event_commands();
std::vector<Command> help_commands();
std::vector<Command> node_commands();
std::vector<Command> plugin_commands();
std::vector<Command> plugin_check_commands();
std::vector<Command> plugin_dev_commands();
std::vector<Command> plugin_install_commands();
std::vector<Command> plugin_new_commands();
std::vector<Command> publish_commands();
std::vector<Command> registry_commands();
std::vector<Command> script_commands();
std::vector<Command> script_list_commands();
std::vector<Command> start_commands();
std::vector<Command> status_commands();
std::vector<Command> submit_commands();
std::vector<Command> task_commands();
std::vector<Command> task_type_commands();
std::vector<Command> trust_commands();
std::vector<Command> lock_commands();
std::vector<Command> up_commands();
std::vector<Command> worker_commands();

}  // namespace skep::cli
