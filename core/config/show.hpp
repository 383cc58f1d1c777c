// The configuration as people and programs see it.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "core/config/load.hpp"

namespace skep::config {

/// `value` as people may see it: "***" when its name looks like a secret (password, secret, token,
/// key), without the password of a URL.
boost::json::value masked(std::string_view name, const boost::json::value& value);

/// A complete TOML file that loads to the same configuration; with `origins`, each line says in a
/// comment where its value comes from. Members of plugin tables are masked().
std::string show(const Loaded& loaded, bool origins);
/// {"config":{section:{key:value}}, "origins":{"section.key":{..}}, "warnings":[..]}, masked too.
std::string show_json(const Loaded& loaded);
/// docs/reference/config.md.
std::string reference_markdown();

}  // namespace skep::config
