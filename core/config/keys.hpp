// The one table of configuration keys. Everything that knows a key by name reads it here: the
// loader, the environment, the checks, `config show` and docs/reference/config.md.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/config/config.hpp"

namespace skep::config {

/// Where a value lies in Config; the alternative is the type of the key.
using Field =
    std::variant<std::string* (*)(Config&), bool* (*)(Config&), int* (*)(Config&),
                 double* (*)(Config&), std::vector<std::string>* (*)(Config&),
                 std::map<std::string, bool>* (*)(Config&),
                 std::map<std::string, std::vector<std::string>>* (*)(Config&),
                 std::pair<ComponentTable*, std::string_view> (*)(Config&)>;  ///< text member of a
                                                                              ///< component's table

/// The field of a row: SKEP_CONFIG_AT(node.id).
#define SKEP_CONFIG_AT(member) [](config::Config& c) { return &c.member; }

/// What the texts of a key mean beyond being text.
enum class Format {
  kAny,
  kId,
  kPath,
  kUrl,
  kListen,
  kRole,
  kLogFormat,
  kLogLevel,
  kTrustPolicy,
  kEventPattern
};

constexpr double kDay = 86'400;  ///< seconds, for the bounds of rows

/// ASCII letters in capitals.
std::string upper(std::string_view text);
/// SKEP_WORKER_CONCURRENCY for worker.concurrency.
std::string environment_name(std::string_view section, std::string_view name);

struct Key {
  std::string_view section;
  std::string_view name;
  Field field;
  bool live = false;  ///< a changed file may apply it without a restart
  std::string_view doc{};
  std::string_view unit{};  ///< of numbers: "seconds"
  double min = 0;           ///< numbers, inclusive
  double max = 0;
  Format format = Format::kAny;
  bool required = false;                    ///< an empty text or list is an error
  std::vector<std::string_view> aliases{};  ///< further environment names, of the runbooks

  std::string path() const { return std::string(section) + "." + std::string(name); }
  std::string environment() const;
};

/// All keys, section by section, in the order of the reference. [any]
std::span<const Key> keys();
/// The row of section.name, or null. [any]
const Key* find_key(std::string_view section, std::string_view name);

/// A section whose table belongs to the plugin that it names.
struct ComponentSection {
  std::string_view name;
  ComponentTable Config::*table;
};
std::span<const ComponentSection> component_sections();
const ComponentSection* find_component_section(std::string_view section);

/// Sections in the order of the reference, components and [plugins] included.
const std::vector<std::string>& section_names();
/// Names of the keys of one section.
std::vector<std::string> key_names(std::string_view section);

/// The value of a key as JSON; null for a component member that is not there. [any]
boost::json::value get(const Config& config, const Key& key);
/// Stores a value that check_value() accepted.
void set(Config& config, const Key& key, const boost::json::value& value);

}  // namespace skep::config
