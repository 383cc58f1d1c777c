// What the layers have in common: each is read into entries, and one place applies them.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/keys.hpp"
#include "core/config/load.hpp"

namespace skep::config {

/// One value of one layer. An empty name says only that the section is there.
struct Entry {
  std::string section;  ///< "worker", "plugins.docker", or "" for a value outside all tables
  std::string name;
  boost::json::value value;
  Origin origin;
};

struct Problem {
  Origin origin;
  std::string message;
};

/// All entries of a TOML file, in the order of the text; what hinders reading it goes to
/// `problems`. With `salvage`, lines that are no TOML count as empty.
std::vector<Entry> read_toml(const std::string& path, std::vector<Problem>& problems,
                             bool salvage = false);

/// All entries that variables set. Two names of one key that differ are a problem, unknown SKEP_
/// names are a warning. Variables set to nothing count as not set.
std::vector<Entry> read_environment(const std::map<std::string, std::string>& environment,
                                    std::vector<Problem>& problems,
                                    std::vector<std::string>& warnings);

/// The text of a variable or flag as the JSON value that the key wants; text that does not fit
/// stays a string, for check_value() to refuse. Lists are separated by commas.
boost::json::value from_text(const Key& key, std::string_view text);
/// The same for members of plugin tables, whose types only the plugin knows: JSON, else a string.
boost::json::value from_text(std::string_view text);

/// postgres://user:***@host/db; other text as it is.
std::string hide_password(std::string_view text);
/// What the key accepts, in words: "an integer from 1 to 1024".
std::string expected(const Key& key);
/// Brings `value` into the form that set() takes and says what is wrong with it.
std::vector<std::string> check_value(const Key& key, boost::json::value& value);
/// What is wrong with a member of a plugin's table, or "".
std::string check_member(const boost::json::value& value);
/// Problems between keys that are each right.
std::vector<Problem> check_together(const Loaded& loaded);

}  // namespace skep::config
