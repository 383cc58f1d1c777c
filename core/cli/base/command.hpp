// Commands as data: one table of them drives parsing, help, suggestions and docs/reference/cli.md.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/cli/base/console.hpp"

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
  /// Messages about the values of `name` say "--OPTION".
  void spell(const std::string& name, const std::string& option) { spelled_[name] = option; }
  void add_from_environment(const std::string& name, std::string value);
  /// It is there, and no variable said so.
  bool is_typed(const std::string& name) const;
  bool has(const std::string& name) const { return values_.contains(name); }
  /// The last value, or `fallback`.
  std::string get(const std::string& name, std::string_view fallback = {}) const;
  std::vector<std::string> all(const std::string& name) const;
  /// The value as a length of time, "90", "30s" or "5m"; a usage error that names the option for
  /// other text.
  Result<Millis> duration(const std::string& name, Millis fallback) const;
  /// The value as a number of at least `least`, or such an error.
  Result<std::int64_t> integer(const std::string& name, std::int64_t fallback,
                               std::int64_t least = 0) const;

 private:
  std::string spelled(const std::string& name) const;

  std::map<std::string, std::vector<std::string>> values_;
  std::map<std::string, std::string> spelled_;
  std::set<std::string> from_environment_;
};

class Invocation;

struct Command {
  std::string name;     ///< "task submit" or "up"
  std::string summary;  ///< one line
  std::vector<Positional> positionals{};
  std::vector<Option> options{};
  std::function<Expected<int>(Invocation&)> run{};
  std::string notes{};  ///< more lines of help
  std::vector<std::string> examples{};
  bool hidden = false;
};

/// Commands in the order of the help.
using CommandTable = std::vector<Command>;

/// Options that every command takes.
const std::vector<Option>& global_options();
/// Those that the command has none of its own in the place of.
std::vector<Option> global_options_of(const Command& command);

}  // namespace skep::cli
