// Reads the configuration of a node: defaults, then the TOML file, then the environment, then
// flags.
//
// Later layers win key by key. Relative paths belong to the layer that wrote them: those of the
// file start at the file's folder, all others at the working directory; Config holds absolute
// paths.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/config.hpp"

namespace skep::config {

enum class Layer { kDefault, kFile, kEnvironment, kFlag };

/// Where a value comes from.
struct Origin {
  Layer kind = Layer::kDefault;
  std::string file{};  ///< kFile: as given
  unsigned line = 0;   ///< kFile: of the key, from 1
  unsigned column = 0;
  std::string name{};  ///< kEnvironment: the variable; kFlag: the key
};
/// "skep.toml:3:5", "env WORKER_ID", "flag worker.concurrency" or "default".
std::string to_string(const Origin& origin);

struct LoadOptions {
  std::string path{};  ///< "" = no file
  std::map<std::string, std::string> environment{};
  std::vector<std::pair<std::string, std::string>> overrides{};  ///< {"worker.concurrency", "8"}
  /// Of a file that is no TOML, inspect() takes what stands in the other lines.
  bool salvage = false;
};

struct Loaded {
  Config config;
  /// By "section.key"; members of plugin tables as "queue.path" and "plugins.docker.timeout".
  std::map<std::string, Origin> origins;
  /// Values of the file that a variable or a flag replaced, as JSON text; keys as above.
  std::map<std::string, std::string> covered;
  std::vector<std::string> warnings;
};

/// A variable of the script ./dev, which is nothing to a node.
bool is_of_dev(std::string_view variable);

/// No layer sets any key.
bool says_nothing(const Loaded& loaded);
/// "site.toml:3:1: " of a key, or nothing for a default.
std::string place_of(const Loaded& loaded, const std::string& key);
/// The error with the place in front of the key that it is about, when it names a section and was
/// found later than load(): by the plugin of that section or table.
Error with_place(const Loaded& loaded, Error error);

/// What load() finds, whatever is wrong with it.
struct Inspected {
  Loaded loaded;  ///< a key with a problem keeps the value of the layer below
  /// One a line of load()'s error: its place, what is wrong, and the nearest valid thing.
  std::vector<std::string> problems;
  /// Nothing is wrong with [node], [plugins] or a component: plugins can be checked with what is
  /// there.
  bool plugins_are_clear = true;
};
Inspected inspect(const LoadOptions& options);

/// kConfig with every problem, one a line, each with its place and the nearest valid thing.
Result<Loaded> load(const LoadOptions& options);
/// load()'s error for these problems; `path` is that of the options.
Error problems_error(const std::vector<std::string>& problems, const std::string& path);

}  // namespace skep::config
